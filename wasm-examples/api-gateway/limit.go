package main

// limiter counts a client's requests.
type limiter interface {
	// take counts one request at a time, in nanoseconds. It answers 0, or how
	// long the client has to wait where it has sent too many.
	take(client string, now int64) (wait int64)
	// most is how many a client may send.
	most() int
}

const (
	minute     = int64(60e9)
	maxClients = 10_000 // whom one instance remembers
)

// window counts in windows of a fixed length, in the instance's own memory: so
// the limit holds for each instance.
type window struct {
	limit   int
	length  int64
	number  int64 // of the window that is counted
	clients map[string]int
}

func newWindow(limit int, length int64) *window {
	return &window{limit: limit, length: length, clients: map[string]int{}}
}

func (w *window) most() int { return w.limit }

func (w *window) take(client string, now int64) (wait int64) {
	if number := now / w.length; number != w.number || len(w.clients) >= maxClients {
		w.number = number
		clear(w.clients)
	}
	if w.clients[client] >= w.limit {
		return w.length - now%w.length
	}
	w.clients[client]++
	return 0
}
