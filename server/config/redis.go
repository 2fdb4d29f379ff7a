package config

import (
	"fmt"
	"net"
	"strings"

	"phasm/plugins/redis/command"
	"phasm/plugins/suggest"
)

// Redis is a [redis.NAME] table: a Redis server, several that sentinels watch,
// or a cluster. phasm connects when a plugin first uses it.
type Redis struct {
	// Name is the table's name, by which grants refer to it.
	Name string

	// Addresses are "host:port": of the server, of the sentinels, or of some
	// nodes of the cluster. There must be at least one.
	Addresses []string `toml:"addresses"`

	// Sentinel is the name of the master that the sentinels watch. Default
	// empty: Addresses are not sentinels.
	Sentinel string `toml:"sentinel"`

	// SentinelUsername is the ACL user of the sentinels. Default empty: the
	// default user.
	SentinelUsername string `toml:"sentinel_username"`

	// SentinelPassword is that user's password. Default empty: none.
	SentinelPassword string `toml:"sentinel_password" json:"-"`

	// Cluster says that the servers are a cluster. Default false.
	Cluster Switch `toml:"cluster" default:"false"`

	// Username is the ACL user. Default empty: the default user.
	Username string `toml:"username"`

	// Password is the user's password. Default empty: none.
	Password string `toml:"password" json:"-"`

	// PasswordEnv is the name of the environment variable that holds the
	// password, in the place of Password.
	PasswordEnv string `toml:"password_env"`

	// DB is the number of the database, at least 0. Default 0.
	DB int `toml:"db" default:"0" min:"0"`

	// TLS protects the connections: true, or a table. Default none.
	TLS *RedisTLS `toml:"tls"`

	// Timeout is how long connecting may take, and each command, at least 1ms.
	// Default 1s.
	Timeout Duration `toml:"timeout" default:"1s" min:"1ms"`

	// Cache is how much of what plugins read each connection may keep, to answer
	// it again until Redis says that it has changed. Default 0: nothing.
	Cache Size `toml:"cache" default:"0"`
}

// RedisTLS is a [redis.NAME.tls] table.
type RedisTLS struct {
	// CA is the file of the authorities to trust, in PEM form. Default: the
	// system's.
	CA string `toml:"ca" file:"file"`

	// Cert is the file of the client's certificate, in PEM form. Default none.
	Cert string `toml:"cert" file:"file"`

	// Key is the file of the certificate's key. Default none.
	Key string `toml:"key" file:"file"`

	// ServerName is the name in the server's certificate. Default: the host of
	// the address.
	ServerName string `toml:"server_name"`
}

// RedisRules is a [plugins.NAME.grants.redis_rules.SERVER] table: what a plugin
// may do with a Redis server that it is granted.
type RedisRules struct {
	// Name is that of the Redis server.
	Name string

	// Commands are the only commands allowed, in letters of any case. "default"
	// among them stands for those that are allowed where nothing is said: all
	// but those that Redis counts as dangerous or for administration, and those
	// that run scripts. Those that change the connection never are. SUBSCRIBE and
	// PSUBSCRIBE stand for receiving what is published.
	Commands []string `toml:"commands"`

	// Prefix is what every key and every channel must begin with. Commands whose
	// keys are not among their arguments are then allowed only where Commands
	// names them.
	// Default empty: any key.
	Prefix string `toml:"prefix"`
}

// Switch is true or false.
type Switch bool

func (s *Switch) parse(value any) error {
	switch v := value.(type) {
	case bool:
		*s = Switch(v)
		return nil
	case string: // as a tag has it
		if v == "true" || v == "false" {
			*s = v == "true"
			return nil
		}
	}
	return fmt.Errorf("must be true or false, not %s", describeTyped(value))
}

// checkRedis reports Redis servers that make no sense, and grants of servers
// that there are not.
func (l *loader) checkRedis() {
	var names []string
	for _, r := range l.config.Redis {
		names = append(names, r.Name)
		l.checkRedisServer(keyPath("redis", r.Name), r)
	}
	for _, p := range l.config.Plugins {
		grants := keyPath(keyPath("plugins", p.Name), "grants")
		for i, name := range p.Grants.Redis {
			l.mustExist(indexPath(keyPath(grants, "redis"), i), "redis", "redis", name, names)
		}
		for _, rules := range p.Grants.RedisRules {
			l.checkRedisRules(keyPath(keyPath(grants, "redis_rules"), rules.Name), rules, p.Grants.Redis)
		}
	}
}

func (l *loader) checkRedisServer(path string, r Redis) {
	addresses := keyPath(path, "addresses")
	if len(r.Addresses) == 0 && !l.excused[path] && !l.excused[addresses] && !l.reported(addresses) {
		l.problem(addresses, `there is no address; write one as in addresses = ["127.0.0.1:6379"]`)
	}
	for i, address := range r.Addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			l.problem(indexPath(addresses, i), `%s is not an address; write one as in "127.0.0.1:6379"`, describe(address))
		}
	}
	switch {
	case r.Sentinel != "" && bool(r.Cluster):
		l.problem(keyPath(path, "cluster"), "the servers are a cluster or watched by sentinels, not both; drop cluster or sentinel")
	case bool(r.Cluster) && r.DB != 0:
		l.problem(keyPath(path, "db"), "a cluster has the database 0 only")
	case !bool(r.Cluster) && r.Sentinel == "" && len(r.Addresses) > 1:
		l.problem(addresses, `a single server has one address; write cluster = true, or sentinel = "name of the master"`)
	}
	if r.Sentinel == "" && (r.SentinelUsername != "" || r.SentinelPassword != "") {
		l.problem(path, `sentinel_username and sentinel_password are for sentinels: write sentinel = "name of the master"`)
	}
	if r.Password != "" && r.PasswordEnv != "" {
		l.problem(keyPath(path, "password_env"), "there is a password already; keep one of password and password_env")
	}
}

func (l *loader) checkRedisRules(path string, rules RedisRules, granted []string) {
	found := false
	for _, name := range granted {
		found = found || name == rules.Name
	}
	if !found {
		l.problem(path, "the plugin is not granted a redis named %s%s", describe(rules.Name),
			didYouMean(suggest.Nearest(rules.Name, granted), "add it to redis in the plugin's grants"))
	}
	for i, name := range rules.Commands {
		at := indexPath(keyPath(path, "commands"), i)
		upper := strings.ToUpper(name)
		if err := command.Grantable(upper); err != nil {
			l.problem(at, "%s cannot be granted: %v", describe(name), err)
			continue
		}
		if _, known := command.Find(upper); !known && upper != command.Default && !strings.Contains(name, ".") { // a module's have a dot
			if near := suggest.Nearest(upper, command.Names()); near != "" || name == "" {
				l.problem(at, "Redis has no command %s%s", describe(name), didYouMean(near, ""))
			}
		}
	}
}
