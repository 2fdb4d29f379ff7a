package host

import (
	"testing"
	"time"

	"phasm/plugins/metric"
)

func TestRedisMetricsDoNotAllocate(t *testing.T) {
	m, began := NewRedisMetrics(metric.NewRegistry(), "r"), time.Now()
	if n := testing.AllocsPerRun(100, func() {
		m.count(began, false)
		m.count(began, true)
		m.fail(redisTimeout)
	}); n != 0 {
		t.Errorf("counting a command allocates %v times", n)
	}
	if n := m.commands.Get(); n != 202 { // with the warm-up run
		t.Errorf("%d commands are counted", n)
	}
	var none *RedisMetrics
	none.count(began, false)
	none.fail(redisError)
}
