package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxChecks is how many peers of a group are checked at the same time.
const maxChecks = 16

// keepChecking asks all peers about their health, at once and then at the
// interval. The intervals differ by up to a tenth, lest all groups and all
// machines ask at the same moment.
func (g *Group) keepChecking(ctx context.Context) {
	for {
		g.checkAll(ctx)
		interval := g.options.Check.Interval
		spread := time.Duration(float64(interval) * (rand.Float64() - 0.5) / 5)
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval + spread):
		}
	}
}

func (g *Group) checkAll(ctx context.Context) {
	var peers []*Peer
	g.mu.Lock()
	for i := range g.tiers {
		for _, p := range g.tiers[i].peers {
			if !p.down {
				peers = append(peers, p)
			}
		}
	}
	g.mu.Unlock()
	room := make(chan struct{}, maxChecks)
	var checking sync.WaitGroup
	for _, p := range peers {
		room <- struct{}{}
		checking.Go(func() {
			defer func() { <-room }()
			err := p.check(ctx, &g.options)
			if ctx.Err() == nil {
				p.checked(err)
			}
		})
	}
	checking.Wait()
}

// check asks the peer about its health. The error is nil where it is well.
func (p *Peer) check(ctx context.Context, o *Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Check.Timeout)
	defer cancel()
	// The transport's own context would not end with the check: it lets a
	// connection that is being made be made, for requests to come. And it may
	// begin with one when the check is over, and the options are others.
	how, dial := o.Connecting, o.Dial
	open := func(context.Context, string, string) (net.Conn, error) {
		nc, _, err := p.open(ctx, how, dial)
		return nc, err
	}
	transport := &http.Transport{
		DialContext:            open,
		DialTLSContext:         open,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	scheme := "http://"
	if _, _, secure, _ := parseAddress(p.Name); secure {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+p.Host()+o.Check.Path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "phasm health check")
	response, err := transport.RoundTrip(request) // not a client: it would follow redirects
	if err != nil {
		return err
	}
	response.Body.Close()
	if s := response.StatusCode; s < o.Check.MinStatus || s > o.Check.MaxStatus {
		return fmt.Errorf("status %d", s)
	}
	return nil
}

// checked notes what a check has found: nil is well.
func (p *Peer) checked(err error) {
	g := p.group
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case p.gone:
	case err == nil:
		p.streak = max(p.streak, 0) + 1
		if p.sick && p.streak >= g.options.Check.Rise {
			p.back("its health check is good")
		}
	default:
		p.streak = min(p.streak, 0) - 1
		if !p.sick && -p.streak >= g.options.Check.Fall {
			p.sick, p.warm = true, time.Time{}
			g.recount()
			g.options.Log.Warn("a peer is out: its health check is bad", "upstream", g.name, "peer", p.String(), "error", err)
		}
	}
}
