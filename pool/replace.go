package pool

// Discard closes a value that came from Get and must not be used again. Where
// no other is idle, a new one is made in the background, so that the next Get
// need not wait for New. Should New fail, Failed hears of it and the next Get
// tries again.
func (p *Bounded[T]) Discard(value T) {
	p.mu.Lock()
	if p.options.Returned != nil {
		p.options.Returned(value)
	}
	p.counts.discarded++
	replace := len(p.idle) == 0 && !p.closed
	if replace {
		p.replacing++
	}
	p.mu.Unlock()
	if !replace {
		p.end(value)
		return
	}
	p.options.Close(value)
	go p.replace()
}

// replace makes a value in the place of one that was discarded.
func (p *Bounded[T]) replace() {
	value, err := p.options.New()
	if err != nil && p.options.Failed != nil {
		p.options.Failed(err)
	}
	p.mu.Lock()
	p.replacing--
	if err != nil {
		p.giveUp()
		p.mu.Unlock()
		return
	}
	p.counts.made++
	p.putSlow(value)
}
