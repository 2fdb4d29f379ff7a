package upstream

import "time"

// served notes that the peer has answered. It is called locked.
func (p *Peer) served() {
	p.inARow = 0
	if p.out && p.trying {
		p.back("it has answered")
	}
}

// failed notes that the peer has not answered. It is called locked.
func (p *Peer) failed() {
	g, now := p.group, time.Now()
	p.failures++
	p.inARow++
	if p.out {
		p.trying, p.retry = false, now.Add(g.options.FailTimeout)
		return
	}
	if !now.Before(p.window) {
		p.fails, p.window = 0, now.Add(g.options.FailTimeout)
	}
	p.fails++
	o := &g.options
	if tooMany := o.MaxFails > 0 && p.fails >= o.MaxFails || o.MaxFailsInARow > 0 && p.inARow >= o.MaxFailsInARow; !tooMany || p.gone || !g.mayTakeOut() {
		return
	}
	p.out, p.trying, p.retry = true, false, now.Add(o.FailTimeout)
	p.warm = time.Time{}
	g.recount()
	o.Log.Warn("a peer is out: it has failed", "upstream", g.name, "peer", p.String(), "for", o.FailTimeout.String())
}

// mayTakeOut tells whether failures may take another peer out. It is called
// locked.
func (g *Group) mayTakeOut() bool {
	out, all := 1, 0
	for i := range g.tiers {
		for _, p := range g.tiers[i].peers {
			if all++; p.out {
				out++
			}
		}
	}
	return all > 1 && out*100 <= all*g.options.MaxOut
}

// back ends a peer's time out. It is called locked.
func (p *Peer) back(why string) {
	g := p.group
	wasOut := p.out || p.sick
	p.out, p.trying, p.sick = false, false, false
	p.fails, p.inARow, p.window = 0, 0, time.Time{}
	p.warmUp()
	g.recount()
	if wasOut {
		g.options.Log.Info("a peer is back: "+why, "upstream", g.name, "peer", p.String())
	}
	g.serveQueue()
}

// hasten has what runs out run no longer than the group's options now have it.
// It is called locked.
func (p *Peer) hasten() {
	o, now := &p.group.options, time.Now()
	p.warm = earlier(p.warm, now.Add(o.SlowStart))
	p.retry = earlier(p.retry, now.Add(o.FailTimeout))
	p.window = earlier(p.window, now.Add(o.FailTimeout))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// warmUp begins the peer's slow start, where it has one. It is called locked.
func (p *Peer) warmUp() {
	if all := p.group.options.SlowStart; all > 0 {
		p.warm = time.Now().Add(all)
	}
}
