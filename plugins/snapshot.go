package plugins

import (
	"phasm/plugins/memory"
	"phasm/plugins/meter"
	"phasm/sdk/abi"
)

// snapshot is what an instance was like when its initialisation was done. All
// others begin there: initialisation runs once, as in OpenResty's master
// process before it forks.
type snapshot struct {
	image   *memory.Image // of its memory
	numbers []uint64      // the values of its globals
	phases  abi.Mask
}

// take takes a snapshot of an instance that has just been initialised. It is
// nil where memory and numbers are not all that makes the instance what it is:
// a reference to a function means nothing to another instance.
func (i *Instance) take() (*snapshot, error) {
	if i.changed() {
		return nil, nil
	}
	image, err := i.memory.Image()
	if err != nil {
		return nil, err
	}
	s := &snapshot{image: image, phases: i.phases}
	for _, n := range i.numbers {
		s.numbers = append(s.numbers, n.Get())
	}
	return s, nil
}

// changed tells whether the guest has changed what a snapshot does not hold.
func (i *Instance) changed() bool { return i.module.ExportedGlobal(meter.Changed).Get() != 0 }

// restore makes a new instance from the plugin's snapshot.
func (i *Instance) restore() error {
	s := i.plugin.snapshot
	if err := i.instantiate(s.image); err != nil {
		return err
	}
	if missing := s.image.Size() - i.memory.Size(); missing > 0 {
		if _, ok := i.module.Memory().Grow(uint32(missing / pageSize)); !ok {
			return ErrMemory
		}
	}
	i.phases = s.phases
	i.setNumbers(s)
	return nil
}

func (i *Instance) setNumbers(s *snapshot) {
	for n, value := range s.numbers {
		i.numbers[n].Set(value)
	}
}

// reset brings the instance back to the snapshot. Where that is not possible,
// false, it has to be made anew.
func (i *Instance) reset() bool {
	s := i.plugin.snapshot
	if s == nil || i.broken || i.changed() {
		return false
	}
	grown := i.memory.Size() > s.image.Size()
	if i.memory.Reset() != nil {
		return false
	}
	if i.memory.shrunk = grown; grown && !i.shrink() {
		return false
	}
	i.setNumbers(s)
	i.output.end()
	return true
}

// shrink tells wazero that the memory has become as small as the snapshot's.
// Its memories only grow: so this lets it grow by a page, upon which it takes
// over whatever size it is given. One that has all the pages that its module
// allows cannot grow.
func (i *Instance) shrink() bool {
	_, ok := i.module.Memory().Grow(1)
	return ok
}
