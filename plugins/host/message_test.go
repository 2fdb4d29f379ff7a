package host_test

import (
	"reflect"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/plugins/redis"
	"phasm/plugins/redis/redistest"
	"phasm/sdk/abi"
)

func TestSubscribe(t *testing.T) {
	g := newGuest(t)
	g.withRedis(redistest.Start(t), 0)
	taken := &topics{}
	g.call.Plugin.Messages = taken
	g.begin(abi.InitWorker)
	g.want(0, "redis_subscribe", 0, 0, "c")
	g.want(0, "redis_subscribe", 0, 1, "c*")
	taken.full = true
	g.want(noMemory, "redis_subscribe", 0, 0, "one more")
	for _, pattern := range []int{0, 1} { // b has rules
		g.want(notGranted, "redis_subscribe", 1, pattern, "app:c")
	}
	for _, test := range []struct {
		handle, pattern int
		channel         string
	}{{0, 0, ""}, {0, 2, "c"}, {0, -1, "c"}, {2, 0, "c"}, {-1, 0, "c"}, {0, 0, strings.Repeat("c", 1025)}} {
		g.want(badArgument, "redis_subscribe", test.handle, test.pattern, test.channel)
	}
	logged := ""
	for _, line := range g.lines() {
		logged += line["msg"].(string) + "\n"
	}
	for _, command := range []string{"SUBSCRIBE", "PSUBSCRIBE"} {
		want := `redis "b": the command "` + command + `" is not granted: see commands and prefix in [plugins.p.grants.redis_rules.b]` + "\n"
		if !strings.Contains(logged, want) {
			t.Errorf("it logs\n%s, want %s", logged, want)
		}
	}
	for _, phase := range []abi.Phase{abi.Init, abi.ExitWorker} {
		g.begin(phase)
		g.want(wrongPhase, "redis_subscribe", 0, 0, "c")
	}
	if want := []string{"a c false", "a c* true"}; !reflect.DeepEqual(taken.all, want) {
		t.Errorf("it has subscribed to %q, want %q", taken.all, want)
	}
}

func TestMessage(t *testing.T) {
	g := newGuest(t)
	g.begin(abi.Message)
	g.call.Message = host.MessageRun{Redis: "cache", Message: redis.Message{Channel: "c1", Pattern: "c*", Data: "hello"}}
	for function, want := range map[string]string{"message_redis": "cache", "message_channel": "c1", "message_pattern": "c*", "message_data": "hello"} {
		if n, got := g.ask(function, buffer(64)); n != int64(len(want)) || got != want {
			t.Errorf("%s answers %d, %q, want %q", function, n, got, want)
		}
	}
	if n, _ := g.ask("message_data", buffer(2)); n != 5 {
		t.Errorf("with room for two bytes message_data answers %d", n)
	}
	g.want(0, "message_missed")
	g.call.Message = host.MessageRun{Missed: true}
	g.want(1, "message_missed")
	g.begin(abi.Access)
	g.want(wrongPhase, "message_missed")
}
