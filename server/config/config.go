package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// Config is one loaded configuration. It is read-only once loaded and safe for
// concurrent use.
type Config struct {
	// File is the configuration file as it was given to Load.
	File string

	// Server holds what concerns every listener and route.
	Server Server `toml:"server"`

	// Listeners are the addresses requests come in on, in file order; at least one.
	Listeners []Listener `toml:"listeners"`

	// Certificates are those that TLS listeners may name, in file order.
	Certificates []Certificate `toml:"certificates"`

	// Admin is the operator's own listener.
	Admin Admin `toml:"admin"`

	// Plugins are all plugins declared, in file order, used or not.
	Plugins []Plugin `toml:"plugins"`

	// Redis are the Redis servers that plugins may be granted, in file order.
	Redis []Redis `toml:"redis"`

	// Routes say what answers which requests, in file order; at least one.
	// The order has no meaning: of two patterns the more specific one wins.
	Routes []Route `toml:"routes"`

	// Zones are the zones that plugins may be granted, in file order.
	Zones []Zone `toml:"zones"`

	// Upstreams are the groups of peers that routes may name, in file order.
	Upstreams []Upstream `toml:"upstreams"`

	// Warnings are findings that do not keep the configuration from being
	// served, sorted by line.
	Warnings []Problem

	positions *positions
}

// Load reads the configuration in file. All that is wrong with its content
// comes back at once, as an [*Error].
func Load(file string) (*Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration %q: %w", file, cause(err))
	}
	return Parse(file, data)
}

// Parse reads a configuration from data, which it does not keep. The name
// stands for the file in messages, and relative paths start at its directory.
// The error is always an [*Error].
func Parse(name string, data []byte) (*Config, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	c := &Config{File: name, positions: scan(text)}
	tree, problem := c.decodeTOML(text)
	if problem != nil {
		return nil, Join(*problem)
	}
	l := &loader{config: c, tree: tree, given: map[string]bool{}, excused: map[string]bool{}}
	l.table("", tree, reflect.ValueOf(c).Elem())
	l.checkReferences()
	l.checkListeners()
	l.checkTLS()
	l.checkPlugins()
	l.checkZones()
	l.checkRedis()
	l.checkTrustedProxies()
	l.checkUpstreams()
	l.checkRoutes()
	if err := Join(l.problems...); err != nil {
		return nil, err
	}
	sortProblems(c.Warnings)
	return c, nil
}

// cause drops the operation and the file from a file system's error: the
// message around it names both.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
