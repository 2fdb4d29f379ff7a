package redis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// Topic is what somebody is subscribed to: a channel, or all channels that a
// pattern matches (SUBSCRIBE, PSUBSCRIBE).
type Topic struct {
	Name    string
	Pattern bool
}

// Message is what somebody has published.
type Message struct {
	Channel string
	Pattern string // that the channel matches, empty where the channel itself is the topic
	Data    string
}

// Receiver is told what is published. Its methods must not wait: they hold up
// the connection. Missed may be called while Receive is.
type Receiver interface {
	// Receive takes a message, in the order in which Redis sends them.
	Receive(m Message)
	// Missed says that messages may have been missed: the subscriptions stand
	// from now on, for the first time or again.
	Missed()
}

// Subscriber receives messages on one connection of its own, which is open as
// long as there are receivers. A connection that is lost is made again, however
// long that takes, and its topics are subscribed to again. It is safe for
// concurrent use.
type Subscriber struct {
	client  *Client
	problem func(error) // is told why there is no connection, or no subscription

	mu      sync.Mutex
	topics  map[Topic]*topic
	left    []Topic            // of the connection in use, that nobody receives any more
	stop    context.CancelFunc // ends the connection's goroutine; nil where there is none
	changed chan struct{}      // of that goroutine: has a token where there is a topic to subscribe to, or to leave
	closed  bool
}

type topic struct {
	receivers []Receiver // replaced, never changed
	stands    bool       // on the connection in use, or refused there
}

// NewSubscriber makes a subscriber. It connects when there is a topic. The
// problem function is called for each failure, and decides what to log.
func NewSubscriber(client *Client, problem func(error)) *Subscriber {
	return &Subscriber{client: client, problem: problem, topics: map[Topic]*topic{}}
}

// Subscribe adds a receiver to a topic, and comes back at once; again with the
// same it does nothing. It answers false after Close.
func (s *Subscriber) Subscribe(t Topic, r Receiver) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	of := s.topics[t]
	if of == nil {
		of = &topic{}
		s.topics[t] = of
		s.left = slices.DeleteFunc(s.left, func(o Topic) bool { return o == t })
	}
	if slices.Contains(of.receivers, r) {
		return true
	}
	of.receivers = append(slices.Clone(of.receivers), r)
	of.stands = false // subscribing again tells from when on the receiver has everything
	if s.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		s.stop, s.changed = stop, make(chan struct{}, 1)
		go s.run(ctx, s.changed)
	}
	s.change()
	return true
}

// change wakes the connection's goroutine.
func (s *Subscriber) change() {
	select {
	case s.changed <- struct{}{}:
	default: // there is a token
	}
}

// Remove takes a receiver off all of its topics. A message that is being
// received may still reach it.
func (s *Subscriber) Remove(r Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, of := range s.topics {
		if slices.Contains(of.receivers, r) {
			of.receivers = slices.DeleteFunc(slices.Clone(of.receivers), func(o Receiver) bool { return o == r })
		}
		if len(of.receivers) == 0 {
			delete(s.topics, t)
			s.left = append(s.left, t)
		}
	}
	switch {
	case len(s.topics) == 0:
		s.end()
	case len(s.left) > 0:
		s.change()
	}
}

// Close ends the subscriptions. The connection ends in the background; where
// the server does not answer that takes a second.
func (s *Subscriber) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.topics = map[Topic]*topic{}
	s.end()
}

// end has the connection's goroutine end.
func (s *Subscriber) end() {
	if s.stop != nil {
		s.stop()
		s.stop, s.left = nil, nil
	}
}

// How long it waits before it connects again.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// run keeps a connection until ctx ends.
func (s *Subscriber) run(ctx context.Context, changed <-chan struct{}) {
	pause := firstPause
	for {
		stood, err := s.session(ctx, changed)
		if ctx.Err() != nil {
			return
		}
		s.problem(err)
		if stood {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// errLost is the error of a connection that has ended for no reason given.
var errLost = errors.New("the connection was lost")

// session is one connection: it comes back when that is lost, or ctx ends, and
// tells whether subscriptions stood.
func (s *Subscriber) session(ctx context.Context, changed <-chan struct{}) (stood bool, err error) {
	client, err := s.client.connect()
	if err != nil {
		return false, err
	}
	own, _ := client.Dedicate()
	defer own.Close()
	lost := own.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.deliver})
	s.anew(ctx)
	for {
		if err := s.subscribe(ctx, own); err != nil {
			return stood, err
		}
		stood = true
		select {
		case err := <-lost:
			if err == nil {
				err = errLost
			}
			return stood, err
		case <-changed:
		case <-ctx.Done():
			return stood, ctx.Err()
		}
	}
}

// anew notes that no topic stands on a new connection. Once ctx has ended the
// topics are those of another one.
func (s *Subscriber) anew(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for _, of := range s.topics {
		of.stands = false
	}
	s.left = nil
}

// subscribe leaves the topics that nobody receives, subscribes to those that do
// not stand, and tells their receivers. A topic that Redis refuses is a problem, and left alone until the
// next connection.
func (s *Subscriber) subscribe(ctx context.Context, own rueidis.DedicatedClient) error {
	do := func(command rueidis.Completed) rueidis.RedisResult {
		within, cancel := context.WithTimeout(ctx, s.client.Timeout())
		defer cancel()
		return own.Do(within, command)
	}
	for _, t := range s.leaving(ctx) {
		command := own.B().Unsubscribe().Channel(t.Name).Build()
		if t.Pattern {
			command = own.B().Punsubscribe().Pattern(t.Name).Build()
		}
		if err := do(command).NonRedisError(); err != nil {
			return err
		}
	}
	var told []Receiver
	for _, t := range s.missing(ctx) {
		command := own.B().Subscribe().Channel(t.Name).Build()
		if t.Pattern {
			command = own.B().Psubscribe().Pattern(t.Name).Build()
		}
		result := do(command)
		if err := result.NonRedisError(); err != nil {
			return err
		}
		if err := result.Error(); err != nil {
			s.problem(err)
			continue
		}
		s.mu.Lock()
		if of := s.topics[t]; of != nil {
			for _, r := range of.receivers {
				if !slices.Contains(told, r) {
					told = append(told, r)
				}
			}
		}
		s.mu.Unlock()
	}
	for _, r := range told {
		r.Missed()
	}
	return nil
}

// leaving are the topics that nobody receives any more. One that somebody wants
// again meanwhile does not stand, and is subscribed to behind that.
func (s *Subscriber) leaving(ctx context.Context) (all []Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		all, s.left = s.left, nil
	}
	return all
}

// missing are the topics that do not stand. They are taken to stand from now
// on: one that is changed meanwhile comes up again.
func (s *Subscriber) missing(ctx context.Context) (all []Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	for t, of := range s.topics {
		if !of.stands {
			of.stands = true
			all = append(all, t)
		}
	}
	return all
}

// deliver hands a message to those who want it. The library calls it for one
// message after the other.
func (s *Subscriber) deliver(m rueidis.PubSubMessage) {
	t := Topic{m.Channel, false}
	if m.Pattern != "" {
		t = Topic{m.Pattern, true}
	}
	s.mu.Lock()
	of := s.topics[t]
	var receivers []Receiver
	if of != nil {
		receivers = of.receivers
	}
	s.mu.Unlock()
	for _, r := range receivers {
		r.Receive(Message{m.Channel, m.Pattern, m.Message})
	}
}
