package host

import (
	"time"

	"github.com/VictoriaMetrics/metrics"

	"phasm/plugins/metric"
)

// RedisMetrics are what is counted of the commands that plugins send to a Redis
// server, replies that say no included. A pipeline, a transaction or a script
// counts once. Counting allocates nothing.
type RedisMetrics struct {
	commands *metrics.Counter
	seconds  *metric.Series
	failed   [redisFailures]*metrics.Counter
}

// redisFailure is how a command came to nothing.
type redisFailure int

const (
	redisError redisFailure = iota
	redisTimeout
	redisBusy
	redisLarge
	redisFailures
)

// NewRedisMetrics makes the metrics of a server of that name.
func NewRedisMetrics(r *metric.Registry, name string) *RedisMetrics {
	of := []string{"redis"}
	counter := func(what, help string) *metrics.Counter {
		return r.Must(metric.Counter, what, help, of).Counter(name)
	}
	m := &RedisMetrics{
		commands: counter("phasm_redis_commands_total", "Commands of plugins, pipelines and scripts counting once, whatever became of them."),
		seconds:  r.Must(metric.Histogram, "phasm_redis_command_duration_seconds", "Time until the reply, or the error, but for commands that may block.", of).Series(name),
	}
	m.failed[redisError] = counter("phasm_redis_errors_total", "Commands that no Redis answered: it was away, or the connection was lost.")
	m.failed[redisTimeout] = counter("phasm_redis_timeouts_total", "Commands that were given up: after the timeout, at the call's deadline, or because the client had gone.")
	m.failed[redisBusy] = counter("phasm_redis_busy_total", "Blocking commands that were refused because too many block already.")
	m.failed[redisLarge] = counter("phasm_redis_large_replies_total", "Replies that were dropped because they were too large.")
	return m
}

// count counts a command that has been replied to, or not.
func (m *RedisMetrics) count(began time.Time, blocks bool) {
	if m == nil {
		return
	}
	m.commands.Inc()
	if !blocks {
		m.seconds.Observe(time.Since(began).Seconds())
	}
}

// fail counts a command that came to nothing.
func (m *RedisMetrics) fail(how redisFailure) {
	if m != nil {
		m.failed[how].Inc()
	}
}
