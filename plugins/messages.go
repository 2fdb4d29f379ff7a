package plugins

import (
	"errors"
	"sync"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/redis"
	"phasm/pool"
	"phasm/sdk/abi"
)

// Bounds of a plugin's messages. What waits beyond them pushes out what has
// waited for longest: the newest says how things are.
const (
	maxTopics       = 1024
	maxMessages     = 1024
	maxMessageBytes = 8 << 20 // of all that wait, names included
)

const (
	retryMessage   = 100 * time.Millisecond // how long a message waits for another try to get an instance
	dropsPerLog    = 10 * time.Second       // how often it is logged that messages are dropped
	messageTrouble = "messages have been dropped: the plugin is too slow for what is published, or had no instance"
)

// messages are those that one plugin in one generation is subscribed to. They
// run one at a time, in their order, on instances of the plugin's pool. It
// implements host.Messages.
type messages struct {
	plugin  *Plugin
	stopped chan struct{} // closed when no message may run any more

	mu        sync.Mutex
	receivers map[string]*receiver // by the Redis server's name
	topics    map[subscription]struct{}
	queue     []host.MessageRun // those that wait, in their order
	bytes     int               // that the queue holds
	missed    bool              // the plugin is to be told that messages were missed
	running   bool              // a goroutine is at the queue
	closed    bool
	dropped   uint64
	logged    time.Time // when drops were logged last
	ended     sync.WaitGroup
}

// subscription is one topic of one Redis server.
type subscription struct {
	server string
	topic  redis.Topic
}

// receiver takes the messages of one Redis server.
type receiver struct {
	*messages
	server string
	from   host.RedisSubscriber
}

func newMessages(p *Plugin) *messages {
	return &messages{
		plugin: p, stopped: make(chan struct{}),
		receivers: map[string]*receiver{}, topics: map[subscription]struct{}{},
	}
}

// Subscribe implements host.Messages.
func (m *messages) Subscribe(server string, s host.RedisSubscriber, t redis.Topic) abi.Errno {
	m.mu.Lock()
	one := subscription{server, t}
	_, known := m.topics[one]
	switch {
	case m.closed:
		m.mu.Unlock()
		return abi.Closed
	case known:
		m.mu.Unlock()
		return 0
	case len(m.topics) == maxTopics:
		m.mu.Unlock()
		return abi.NoMemory
	}
	m.topics[one] = struct{}{}
	r := m.receivers[server]
	if r == nil {
		r = &receiver{m, server, s}
		m.receivers[server] = r
	}
	m.mu.Unlock()
	// Without the lock: the subscriber calls Receive.
	if !s.Subscribe(t, r) {
		return abi.Closed
	}
	select {
	case <-m.stopped: // meanwhile
		s.Remove(r)
		return abi.Closed
	default:
		return 0
	}
}

// Receive implements redis.Receiver.
func (r *receiver) Receive(message redis.Message) {
	r.put(host.MessageRun{Redis: r.server, Message: message})
}

// Missed implements redis.Receiver.
func (r *receiver) Missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed = !r.closed
	r.wake()
}

// size is what a message takes of the queue's bytes.
func size(run host.MessageRun) int { return len(run.Channel) + len(run.Pattern) + len(run.Data) }

// put queues a message.
func (m *messages) put(run host.MessageRun) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.queue = append(m.queue, run)
	m.bytes += size(run)
	for len(m.queue) > maxMessages || m.bytes > maxMessageBytes {
		m.take()
		m.drop()
	}
	m.wake()
}

// take takes the oldest message.
func (m *messages) take() host.MessageRun {
	run := m.queue[0]
	m.queue[0] = host.MessageRun{}
	m.queue = m.queue[1:]
	m.bytes -= size(run)
	return run
}

// drop counts a message that the plugin does not get.
func (m *messages) drop() {
	m.dropped++
	m.missed = true
	if now := time.Now(); now.Sub(m.logged) > dropsPerLog {
		m.logged = now
		m.plugin.options.Log.Warn(messageTrouble, "plugin", m.plugin.options.Name, "dropped", m.dropped)
	}
}

// wake has a goroutine see to the queue.
func (m *messages) wake() {
	if !m.running && !m.closed && m.plugin.phases.Has(abi.Message) {
		m.running = true
		m.ended.Go(m.run)
	}
}

// waiting tells whether there is something to tell the plugin. Where there is
// not, the goroutine at the queue is done.
func (m *messages) waiting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missed || len(m.queue) > 0 {
		return true
	}
	m.running = false
	m.queue = nil // its array grows with what was taken
	return false
}

// next takes what the plugin is to be told next, which waiting has seen. Where
// the plugin has been ended meanwhile it is that messages are missed.
func (m *messages) next() host.MessageRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missed || len(m.queue) == 0 {
		m.missed = false
		return host.MessageRun{Missed: true}
	}
	return m.take()
}

// run runs the queue's messages until none is left.
func (m *messages) run() {
	p := m.plugin
	for m.waiting() {
		i := m.acquire()
		if i == nil {
			return
		}
		i.Begin()
		i.call.Message = m.next()
		run := i.call.Message
		_, err := i.Run(nil, abi.Message)
		i.call.Message = host.MessageRun{}
		if err != nil {
			p.options.Log.Error(err.Error(), "redis", run.Redis, "channel", run.Channel)
		}
		p.Release(i)
	}
}

// acquire waits for an instance, while messages wait in the queue. It answers
// nil when the plugin ends.
func (m *messages) acquire() *Instance {
	for {
		i, err := m.plugin.Acquire()
		if err == nil {
			return i
		}
		if errors.Is(err, pool.ErrClosed) {
			m.close()
		}
		select {
		case <-m.stopped:
			return nil
		case <-time.After(retryMessage):
		}
	}
}

// stop ends the subscriptions. Messages that wait are dropped; it returns when
// the one that runs has ended.
func (m *messages) stop() {
	m.close()
	m.ended.Wait()
}

// close lets no message run any more.
func (m *messages) close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	close(m.stopped)
	m.queue, m.bytes, m.missed = nil, 0, false
	left := m.receivers
	m.receivers, m.topics = nil, nil
	m.mu.Unlock()
	for _, r := range left {
		r.from.Remove(r)
	}
}

// register puts the messages' figures among the server's metrics.
func (m *messages) register(r *metric.Registry, plugin string) {
	read := func(value func() float64) func() float64 {
		return func() float64 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return value()
		}
	}
	of := []string{"plugin"}
	r.Must(metric.Gauge, "phasm_plugin_messages_waiting", "Published messages that wait for the plugin's message phase.", of).
		Func(read(func() float64 { return float64(len(m.queue)) }), plugin)
	r.Must(metric.Counter, "phasm_plugin_messages_dropped_total", "Published messages that the plugin did not get: it was too slow, or had no instance.", of).
		Func(read(func() float64 { return float64(m.dropped) }), plugin)
}
