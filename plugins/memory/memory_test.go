package memory

import (
	"bytes"
	"testing"

	"github.com/tetratelabs/wazero/experimental"
)

var _ experimental.LinearMemory = (*Memory)(nil)

// kind is one way to hold memories. All behave the same.
type kind struct {
	name  string
	empty snapshot
	image func(*Memory) (*Image, error)
}

func kinds() []kind {
	return append(systemKinds(),
		kind{"native", native(), (*Memory).Image},
		kind{"copied", copied(nil), (*Memory).Image})
}

// each runs a test with each kind.
func each(t *testing.T, test func(*testing.T, kind)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { test(t, k) })
	}
}

// memory makes a memory of up to max pages that has size of them. It ends with
// the test.
func (k kind) memory(t testing.TB, b *Budget, image *Image, size, max uint64) *Memory {
	t.Helper()
	if image == nil {
		image = newImage(k.empty)
	}
	m, err := New(b, image, max*pageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	grow(t, m, size)
	return m
}

// imageOf takes an image that ends with the test.
func (k kind) imageOf(t testing.TB, m *Memory) *Image {
	t.Helper()
	image, err := k.image(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(image.Close)
	return image
}

// grow grows a memory to so many pages.
func grow(t testing.TB, m *Memory, pages uint64) []byte {
	t.Helper()
	b := m.Reallocate(pages * pageSize)
	if uint64(len(b)) != pages*pageSize || m.Size() != pages*pageSize {
		t.Fatalf("grown to %d pages it has %d bytes, size %d", pages, len(b), m.Size())
	}
	return b
}

// all are the bytes of a memory.
func all(m *Memory) []byte { return m.Reallocate(m.Size()) }

// pattern fills bytes so that no two pages are alike.
func pattern(b []byte, seed byte) {
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16) + seed
	}
}

func plenty() *Budget { return NewBudget(1 << 40) }

func TestGrowsInPlaceWithZeros(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		b := plenty()
		m := k.memory(t, b, nil, 1, 8)
		first := all(m)
		pattern(first, 1)
		want := bytes.Clone(first)
		second := grow(t, m, 3)
		if &first[0] != &second[0] {
			t.Error("the address has changed")
		}
		if !bytes.Equal(second, append(want, make([]byte, 2*pageSize)...)) {
			t.Error("it does not hold what was written, then zeros")
		}
		if cap(second) != len(second) {
			t.Errorf("its capacity of %d reaches behind its end", cap(second))
		}
		if b.Used() != 3*pageSize {
			t.Errorf("%d bytes of the budget are used", b.Used())
		}
	})
}

func TestReallocateRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		size uint64
	}{
		{"less than it has", pageSize},
		{"a part of a page", 2*pageSize + 1},
		{"more than its maximum", 5 * pageSize},
		{"more than the budget", 4 * pageSize},
		{"nearly all that can be said", 1<<64 - pageSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, k kind) {
				b := NewBudget(4*pageSize - 1)
				m := k.memory(t, b, nil, 2, 4)
				if got := m.Reallocate(test.size); got != nil {
					t.Errorf("it answers %d bytes", len(got))
				}
				if m.Size() != 2*pageSize || b.Used() != 2*pageSize {
					t.Errorf("it has %d bytes, %d of the budget", m.Size(), b.Used())
				}
				grow(t, m, 3)
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	b := plenty()
	m, _ := New(b, nil, 2*pageSize)
	grow(t, m, 2)
	image, _ := m.Image()
	closed, _ := m.Image()
	closed.Close()
	m.Free()
	defer image.Close()
	for _, test := range []struct {
		name  string
		image *Image
		max   uint64
	}{
		{"a part of a page", nil, pageSize - 1},
		{"more than 32 bits address", nil, 1<<32 + pageSize},
		{"all that can be said", nil, 1<<64 - 1},
		{"less than the image", image, pageSize},
		{"a closed image", closed, 2 * pageSize},
	} {
		if m, err := New(b, test.image, test.max); err == nil {
			m.Free()
			t.Errorf("%s: no error", test.name)
		}
	}
	if image.users != 1 {
		t.Errorf("the image has %d users", image.users)
	}
}

// The largest memory that a module can ask for takes addresses only.
func TestLargestMaximum(t *testing.T) {
	m, err := New(plenty(), nil, 1<<32)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	grow(t, m, 1)[0] = 1
}

// A module may declare a memory without a single page.
func TestMemoryOfNothing(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		m := k.memory(t, NewBudget(0), nil, 0, 0)
		if got := m.Reallocate(0); got == nil || len(got) != 0 {
			t.Errorf("no bytes are %v", got)
		}
		if got := m.Reallocate(pageSize); got != nil {
			t.Error("it grew")
		}
		image := k.imageOf(t, m)
		if image.Size() != 0 {
			t.Errorf("its image has %d bytes", image.Size())
		}
		again := k.memory(t, plenty(), image, 1, 1)
		all(again)[0] = 1
		if err := again.Reset(); err != nil || again.Size() != 0 {
			t.Errorf("reset, it has %d bytes, error %v", again.Size(), err)
		}
		if got := grow(t, again, 1)[0]; got != 0 {
			t.Errorf("grown again it holds %d", got)
		}
	})
}

// An engine asks for the module's minimum first, which may be less than the
// image has, and then grows on.
func TestImageShowsWhileGrowing(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		b := plenty()
		first := k.memory(t, b, nil, 4, 8)
		pattern(all(first), 7)
		want := bytes.Clone(all(first))
		image := k.imageOf(t, first)
		m := k.memory(t, b, image, 1, 8)
		if b.Used() != 5*pageSize {
			t.Errorf("%d bytes of the budget are used", b.Used())
		}
		for _, pages := range []uint64{1, 3, 4} {
			if got := grow(t, m, pages); !bytes.Equal(got, want[:pages*pageSize]) {
				t.Errorf("%d pages do not show the image", pages)
			}
		}
		if got := grow(t, m, 6); !bytes.Equal(got, append(want, make([]byte, 2*pageSize)...)) {
			t.Error("behind the image are no zeros")
		}
	})
}

func TestResetBringsTheImageBack(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func([]byte) // to a memory of 40 pages, of which the image has 32
	}{
		{"nothing", func([]byte) {}},
		{"one byte", func(b []byte) { b[12345]++ }},
		{"the last byte of the image", func(b []byte) { b[32*pageSize-1]++ }},
		{"some pages", func(b []byte) {
			for i := 0; i < 30*pageSize; i += pageSize {
				b[i]++
			}
		}},
		{"all", func(b []byte) { pattern(b, 99) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, k kind) {
				b := plenty()
				first := k.memory(t, b, nil, 32, 64)
				pattern(all(first), 3)
				want := bytes.Clone(all(first))
				m := k.memory(t, b, k.imageOf(t, first), 32, 64)
				first.Free()
				for range 3 {
					test.write(grow(t, m, 40))
					if err := m.Reset(); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(all(m), want) {
						t.Fatal("it does not hold the image")
					}
					if b.Used() != 32*pageSize {
						t.Fatalf("%d bytes of the budget are used", b.Used())
					}
				}
				if got := grow(t, m, 40); !bytes.Equal(got[32*pageSize:], make([]byte, 8*pageSize)) {
					t.Error("grown again it does not show zeros")
				}
			})
		})
	}
}

// A memory that has not reached its image's size stays as large as it is.
func TestResetNeverGrows(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		first := k.memory(t, plenty(), nil, 4, 4)
		pattern(all(first), 5)
		b := NewBudget(2 * pageSize)
		m := k.memory(t, b, k.imageOf(t, first), 2, 4)
		all(m)[0]++
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		if m.Size() != 2*pageSize || b.Used() != 2*pageSize || !bytes.Equal(all(m), all(first)[:2*pageSize]) {
			t.Errorf("it has %d bytes, %d of the budget, or shows no image", m.Size(), b.Used())
		}
	})
}

func TestFree(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		b := plenty()
		other := k.memory(t, b, nil, 1, 1)
		m := k.memory(t, b, nil, 3, 4)
		m.Free()
		m.Free()
		if b.Used() != int64(other.Size()) || m.Size() != 0 {
			t.Errorf("%d bytes of the budget are used, it has %d", b.Used(), m.Size())
		}
		if m.Reallocate(pageSize) != nil || m.Reallocate(0) != nil {
			t.Error("it grew after Free")
		}
		if err := m.Reset(); err == nil {
			t.Error("it was reset after Free")
		}
		if _, err := m.Image(); err == nil {
			t.Error("an image was taken after Free")
		}
	})
}

func TestResetAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		b := plenty()
		first := k.memory(t, b, nil, 48, 64)
		pattern(all(first), 1)
		m := k.memory(t, b, k.imageOf(t, first), 48, 64)
		if n := testing.AllocsPerRun(100, func() {
			bytes := m.Reallocate(50 * pageSize)
			bytes[5*pageSize]++
			bytes[49*pageSize]++
			if err := m.Reset(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// FuzzOperations runs random operations on a memory and on a plain slice.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("\x00\x02w\x01\x07\x01\x09\x20\x03\x00\x01\x33\x44\x02\x00\x00\x07\x02\x04\x00"))
	f.Add([]byte("\x00\x08\x05\xff\x03\x00\x05\x0f\x02\x00\x04\x00\x00\x08\x05\x01\x02\x00\x03\x01\x02\x00"))
	f.Fuzz(func(t *testing.T, operations []byte) {
		const max = 4 // pages
		operations = operations[:min(len(operations), 64)]
		for _, k := range kinds() {
			b := plenty()
			var content, imaged []byte // what the memory and the image should have
			image := newImage(k.empty)
			renew := func() *Memory {
				m, err := New(b, image, max*pageSize)
				if err != nil {
					t.Fatal(err)
				}
				content = imaged[:0:0]
				return m
			}
			m := renew()
			for rest := operations; len(rest) >= 2; rest = rest[2:] {
				arg := uint64(rest[1])
				switch rest[0] % 6 {
				case 0: // grow
					size := arg % (max + 2) * pageSize
					want := size >= uint64(len(content)) && size <= max*pageSize
					if got := m.Reallocate(size); (got != nil) != want {
						t.Fatalf("%s: grown from %d to %d it has %d bytes", k.name, len(content), size, len(got))
					}
					if want {
						shown := min(len(imaged), int(size))
						content = append(content, imaged[min(len(content), shown):shown]...)
						content = append(content, make([]byte, int(size)-len(content))...)
					}
				case 1: // write a byte
					if len(content) > 0 {
						at := arg * 2053 % uint64(len(content))
						all(m)[at]++
						content[at]++
					}
				case 2: // reset
					if err := m.Reset(); err != nil {
						t.Fatal(err)
					}
					content = append(content[:0], imaged[:min(len(content), len(imaged))]...)
				case 3: // go on from an image
					taken, err := k.image(m)
					if err != nil {
						t.Fatal(err)
					}
					image.Close()
					if arg%2 == 0 {
						m.Free()
					} else {
						defer m.Free()
						b = plenty()
					}
					image, imaged = taken, bytes.Clone(content)
					m = renew()
				case 4: // go on with a new memory of the same image
					m.Free()
					m = renew()
				case 5: // write to every page
					for at := 0; at < len(content); at += 4096 {
						all(m)[at] ^= byte(arg)
						content[at] ^= byte(arg)
					}
				}
				if !bytes.Equal(all(m), content) || b.Used() != int64(len(content)) {
					t.Fatalf("%s: %d bytes differ from the model's %d, or the budget's %d do", k.name, m.Size(), len(content), b.Used())
				}
			}
			m.Free()
			if b.Used() != 0 {
				t.Fatalf("%s: %d bytes are used after Free", k.name, b.Used())
			}
			m = renew()
			if got := m.Reallocate(uint64(len(imaged))); !bytes.Equal(got, imaged) {
				t.Fatalf("%s: the image has changed", k.name)
			}
			m.Free()
			image.Close()
			if image.users != 0 {
				t.Fatalf("%s: the image still has %d users", k.name, image.users)
			}
		}
	})
}

// BenchmarkReset writes some pages and resets: what a request costs beside the
// guest's own work. A stock Go guest has about 3 MiB and writes 1 to 70 pages.
func BenchmarkReset(b *testing.B) {
	for _, bench := range []struct {
		name          string
		size, written int // pages of 64 KiB, pages of 4 KiB
	}{
		{"64KiB/2", 1, 2},
		{"64KiB/16", 1, 16},
		{"3MiB/1", 52, 1},
		{"3MiB/26", 52, 26},
		{"3MiB/67", 52, 67},
		{"3MiB/300", 52, 300},
		{"16MiB/26", 256, 26},
	} {
		for _, k := range kinds() {
			b.Run(bench.name+"/"+k.name, func(b *testing.B) {
				first := k.memory(b, plenty(), nil, uint64(bench.size), uint64(bench.size))
				pattern(all(first), 1)
				m := k.memory(b, plenty(), k.imageOf(b, first), uint64(bench.size), 1024)
				bytes := all(m)
				sum := byte(0)
				for i := 0; i < len(bytes); i += 4096 * 3 {
					sum += bytes[i] // so that a part of it is there
				}
				bytes[0] = sum
				step := len(bytes) / bench.written
				b.ReportAllocs()
				for b.Loop() {
					for i := range bench.written {
						bytes[i*step]++
					}
					if err := m.Reset(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkNew makes a memory from an image, touches one page and frees it.
func BenchmarkNew(b *testing.B) {
	for _, k := range kinds() {
		b.Run(k.name, func(b *testing.B) {
			first := k.memory(b, plenty(), nil, 52, 52)
			pattern(all(first), 1)
			image, budget := k.imageOf(b, first), plenty()
			b.ReportAllocs()
			for b.Loop() {
				m, err := New(budget, image, 64<<20)
				if err != nil {
					b.Fatal(err)
				}
				m.Reallocate(52 * pageSize)[0]++
				m.Free()
			}
		})
	}
}
