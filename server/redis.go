package server

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/redis"
	"phasm/plugins/redis/command"
	"phasm/server/config"
)

// openRedis finds the client of every Redis server of the configuration. It
// opens no connection: a Redis that is away keeps nobody from starting.
// Generations share clients whose tables say the same.
func (s *Server) openRedis(g *generation) (problems []config.Problem) {
	for _, table := range g.config.Redis {
		client, err := s.redisClient(table)
		if err != nil {
			problems = append(problems, g.config.Problem("redis."+table.Name, "%v", err))
			continue
		}
		if g.redis == nil {
			g.redis = map[string]*redisServer{}
		}
		g.redis[table.Name] = g.newRedisServer(table.Name, client)
	}
	return problems
}

// redisServer is a [redis.NAME] table in use by a generation.
type redisServer struct {
	client     *redis.Client
	subscriber *redis.Subscriber
	metrics    *host.RedisMetrics
}

func (g *generation) newRedisServer(name string, client *redis.Client) *redisServer {
	return &redisServer{
		client: client,
		subscriber: redis.NewSubscriber(client, func(err error) {
			if client.Complain() {
				g.log.Warn("cannot subscribe to what is published in redis, and tries again", "redis", name, "error", err)
			}
		}),
		metrics: host.NewRedisMetrics(g.registry, name),
	}
}

func (s *Server) redisClient(table config.Redis) (*redis.Client, error) {
	options := redis.Options{
		SentinelUsername: table.SentinelUsername, SentinelPassword: table.SentinelPassword,
		Addresses: table.Addresses, Sentinel: table.Sentinel, Cluster: bool(table.Cluster),
		Username: table.Username, Password: table.Password, DB: table.DB,
		Timeout: time.Duration(table.Timeout), Cache: int64(table.Cache),
	}
	if name := table.PasswordEnv; name != "" {
		password, set := "", false
		if s.options.LookupEnv != nil {
			password, set = s.options.LookupEnv(name)
		}
		if !set {
			return nil, fmt.Errorf("the environment variable %s (password_env) is not set", name)
		}
		options.Password = password
	}
	if t := table.TLS; t != nil {
		options.TLS = &redis.TLS{ServerName: t.ServerName}
		var problems []error
		read := func(file string, into *[]byte) {
			if file == "" {
				return
			}
			data, err := os.ReadFile(file)
			if err != nil {
				problems = append(problems, err)
			}
			*into = data
		}
		read(t.CA, &options.TLS.CA)
		read(t.Cert, &options.TLS.Cert)
		read(t.Key, &options.TLS.Key)
		if err := errors.Join(problems...); err != nil {
			return nil, err
		}
	}
	return s.redis.Get(options)
}

// closeRedis gives the generation's clients back.
func (g *generation) closeRedis() {
	for _, used := range g.redis {
		used.subscriber.Close()
		g.clients.Put(used.client)
	}
	g.redis = nil
}

// redisGrants are the Redis servers that a plugin is given, and what it may do
// there.
func redisGrants(g *generation, p config.Plugin) map[string]host.RedisGrant {
	if len(p.Grants.Redis) == 0 {
		return nil
	}
	grants := map[string]host.RedisGrant{}
	for _, name := range p.Grants.Redis {
		used := g.redis[name]
		grant := host.RedisGrant{Client: used.client, Subscriber: used.subscriber, Metrics: used.metrics}
		for _, rules := range p.Grants.RedisRules {
			if rules.Name == name {
				grant.Rules = redisRules(rules)
			}
		}
		grants[name] = grant
	}
	return grants
}

func redisRules(rules config.RedisRules) command.Rules {
	r := command.Rules{Prefix: rules.Prefix}
	for _, name := range rules.Commands {
		r.Commands = append(r.Commands, strings.ToUpper(name))
	}
	return r
}
