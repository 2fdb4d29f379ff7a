package plugins

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/redis"
	"phasm/sdk/abi"
)

// messagePlugin logs the data of each message, or "missed", and then does
// something.
func messagePlugin(body ...[]byte) *wt.Module {
	m := wt.Plugin()
	m.Memory(1)
	log := importLog(m)
	data := m.Import("phasm", "message_data", wt.Sig("i32 i32", "i32"))
	missed := m.Import("phasm", "message_missed", wt.Sig("", "i32"))
	sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
	m.Data(2000, "missed")
	m.Phase("on_message",
		wt.Call(missed), wt.If(wt.I32Const(1), wt.I32Const(2000), wt.I32Const(6), wt.Call(log), wt.Drop),
		wt.I32Const(1), wt.I32Const(1000), wt.I32Const(1000), wt.I32Const(100), wt.Call(data), wt.Call(log), wt.Drop,
		wt.I64Const(int64(10*time.Millisecond)), wt.Call(sleep), wt.Drop,
		join(body...), answers(0))
	return m
}

// published is where a plugin's subscriptions go; the test publishes.
type published struct {
	mu       sync.Mutex
	receiver redis.Receiver
	topics   []redis.Topic
	removed  int
}

func (p *published) Subscribe(t redis.Topic, r redis.Receiver) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receiver = r
	p.topics = append(p.topics, t)
	return true
}

func (p *published) Remove(redis.Receiver) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed++
}

func (p *published) publish(data string) { p.receiver.Receive(redis.Message{Channel: "c", Data: data}) }

// subscribed loads a plugin that is subscribed to a channel.
func subscribed(t *testing.T, m *wt.Module, more ...func(*Options)) (*Plugin, *logLines, *published) {
	t.Helper()
	p, log := load(t, m, more...)
	source := &published{}
	for range 2 { // once is enough
		if errno := p.messages.Subscribe("cache", source, redis.Topic{Name: "c"}); errno != 0 {
			t.Fatal(errno)
		}
	}
	if len(source.topics) != 1 {
		t.Fatalf("it has subscribed to %v", source.topics)
	}
	return p, log, source
}

func TestMessagesRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log, source := subscribed(t, messagePlugin())
		source.receiver.Missed()
		var want []string
		for n := range 100 {
			want = append(want, fmt.Sprint(n))
			source.publish(fmt.Sprint(n))
		}
		synctest.Wait()
		if n := p.pool.Stats().InUse; n != 1 {
			t.Errorf("%d messages run at once", n)
		}
		time.Sleep(time.Minute)
		if got := strings.Fields(said(t, log)); strings.Join(got, " ") != "missed "+strings.Join(want, " ") {
			t.Errorf("%q ran", got)
		}
		p.StopMessages()
		if source.removed != 1 {
			t.Errorf("it has unsubscribed %d times", source.removed)
		}
		source.publish("late")
		source.receiver.Missed()
		time.Sleep(time.Minute)
		if got := said(t, log); strings.Contains(got, "late") || strings.HasSuffix(got, "missed") {
			t.Error("a message runs after the end")
		}
		if errno := p.messages.Subscribe("cache", source, redis.Topic{Name: "d"}); errno != abi.Closed {
			t.Errorf("a subscription after the end: %v", errno)
		}
	})
}

// A plugin that is too slow loses the oldest, knows it, and the log says it
// once.
func TestMessagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log, source := subscribed(t, messagePlugin())
		source.publish("first")
		synctest.Wait() // it runs
		const more = 10
		for n := range maxMessages + more {
			source.publish(fmt.Sprint(n))
		}
		if n, _, dropped := p.messages.state(); n != maxMessages || dropped != more {
			t.Errorf("%d wait, %d are dropped", n, dropped)
		}
		time.Sleep(time.Minute)
		if got := strings.Join(strings.Fields(said(t, log)), " "); !strings.HasPrefix(got, "first missed 10 11 12") || strings.Count(got, " ") != 1+maxMessages {
			t.Errorf("%.100q ran", got)
		}
		if got := len(warnings(t, log)); got != 1 {
			t.Errorf("it warns %d times", got)
		}
		half := strings.Repeat("x", maxMessageBytes/2)
		for range 3 {
			source.publish(half)
		}
		if n, bytes, _ := p.messages.state(); n > 1 || bytes > maxMessageBytes {
			t.Errorf("%d messages of %d bytes wait", n, bytes)
		}
		source.publish(half + half)
		time.Sleep(time.Minute)
		if n, bytes, _ := p.messages.state(); n != 0 || bytes != 0 {
			t.Errorf("%d messages of %d bytes are left", n, bytes)
		}
	})
}

// state is what the queue holds, and what has been dropped.
func (m *messages) state() (n, bytes int, dropped uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue), m.bytes, m.dropped
}

func warnings(t *testing.T, log *logLines) (all []string) {
	for _, line := range log.all(t) {
		if line["level"] == "WARN" {
			all = append(all, fmt.Sprint(line["msg"]))
		}
	}
	return all
}

func TestSubscriptionsAreBounded(t *testing.T) {
	p, _, source := subscribed(t, messagePlugin())
	for n := range maxTopics - 1 {
		if errno := p.messages.Subscribe("cache", source, redis.Topic{Name: fmt.Sprint(n), Pattern: true}); errno != 0 {
			t.Fatal(errno)
		}
	}
	if errno := p.messages.Subscribe("cache", source, redis.Topic{Name: "more"}); errno != abi.NoMemory {
		t.Errorf("one more: %v", errno)
	}
}

// A handler that fails, or never ends, fails for its message alone; one that
// always does is left alone for a while, and the messages wait.
func TestMessageFault(t *testing.T) {
	for name, body := range map[string][]byte{
		"trap":  wt.Unreachable,
		"error": join(wt.I32Const(7), wt.Return),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, log, source := subscribed(t, messagePlugin(body))
				for n := range faultsInARow + 2 {
					source.publish(fmt.Sprint(n))
				}
				synctest.Wait()
				time.Sleep(10*faultsInARow*time.Millisecond + time.Millisecond)
				if got := strings.Count(said(t, log), " ") + 1; got != faultsInARow {
					t.Errorf("%d ran before the quarantine", got)
				}
				if n, _, _ := p.messages.state(); n != 2 {
					t.Errorf("%d messages wait", n)
				}
				time.Sleep(time.Minute)
				if got := strings.Count(said(t, log), " ") + 1; got != faultsInARow+2 {
					t.Errorf("%d ran", got)
				}
			})
		})
	}
}

func TestMessageThatNeverEnds(t *testing.T) {
	p, log, source := subscribed(t, messagePlugin(wt.Loop(wt.Br(0))), func(o *Options) { o.CPU = 20 * time.Millisecond })
	source.publish("a")
	source.publish("b")
	for begin := time.Now(); !strings.Contains(said(t, log), "a b"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%q ran", said(t, log))
		}
	}
	p.StopMessages()
	faults := 0
	for _, line := range log.all(t) {
		if line["level"] == "ERROR" && line["redis"] == "cache" && line["channel"] == "c" && strings.Contains(fmt.Sprint(line["msg"]), "computed for more than") {
			faults++
		}
	}
	if faults != 2 {
		t.Errorf("%d faults are logged: %v", faults, log.all(t))
	}
}

// Where no instance is free messages wait for one.
func TestMessagesWaitForInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log, source := subscribed(t, messagePlugin())
		var taken []*Instance
		for range p.options.Instances {
			i, err := p.Acquire()
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, i)
		}
		source.publish("a")
		source.publish("b")
		time.Sleep(time.Minute)
		if got := said(t, log); got != "" {
			t.Errorf("%q ran without an instance", got)
		}
		for _, i := range taken {
			p.Release(i)
		}
		time.Sleep(time.Second) // before an instance is closed that nobody needs
		if got := said(t, log); got != "a b" {
			t.Errorf("%q ran", got)
		}
		// Nor does one that waits keep the plugin from ending.
		for range p.options.Instances {
			acquire(t, p)
		}
		source.publish("c")
		time.Sleep(time.Second)
		p.StopMessages()
	})
}

// Publishing, subscribing and ending at once.
func TestMessagesHammer(t *testing.T) {
	for range 20 {
		p, _, source := subscribed(t, messagePlugin())
		receiver := source.receiver
		var running sync.WaitGroup
		for n := range 4 {
			running.Go(func() {
				for m := range 50 {
					receiver.Receive(redis.Message{Channel: "c", Data: "x"})
					receiver.Missed()
					p.messages.Subscribe("cache", source, redis.Topic{Name: fmt.Sprint(n, m)})
				}
			})
		}
		running.Go(p.StopMessages)
		running.Go(p.Close)
		running.Wait()
		p.messages.stop() // comes back when nobody is at the queue
	}
}
