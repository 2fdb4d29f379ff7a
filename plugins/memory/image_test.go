package memory

import (
	"bytes"
	"sync"
	"testing"
)

func TestMemoriesOfAnImageShareNoWrites(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		first := k.memory(t, plenty(), nil, 4, 4)
		pattern(all(first), 1)
		want := bytes.Clone(all(first))
		image := k.imageOf(t, first)
		a := k.memory(t, plenty(), image, 4, 4)
		b := k.memory(t, plenty(), image, 4, 4)
		pattern(all(first), 2)
		pattern(all(a), 3)
		if !bytes.Equal(all(b), want) {
			t.Error("a write in one memory shows in another")
		}
		if c := k.memory(t, plenty(), image, 4, 4); !bytes.Equal(all(c), want) {
			t.Error("a write in a memory shows in the image")
		}
		if err := b.Reset(); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(all(a), want) {
			t.Error("the reset of one memory reset another")
		}
	})
}

func TestImageOfAMemoryThatCameFromAnImage(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		first := k.memory(t, plenty(), nil, 2, 8)
		pattern(all(first), 1)
		one := k.imageOf(t, first)
		second := k.memory(t, plenty(), one, 2, 8)
		first.Free()
		one.Close()
		grow(t, second, 5)[4*pageSize+9] = 9
		all(second)[9] = 9
		want := bytes.Clone(all(second))
		two := k.imageOf(t, second)
		if two.Size() != 5*pageSize {
			t.Errorf("the second image has %d bytes", two.Size())
		}
		third := k.memory(t, plenty(), two, 5, 8)
		if err := second.Reset(); err != nil {
			t.Fatal(err)
		}
		if second.Size() != 2*pageSize || all(second)[9] == 9 {
			t.Error("the second memory does not show the first image")
		}
		second.Free()
		pattern(all(third), 7)
		if err := third.Reset(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(all(third), want) {
			t.Error("the third memory does not show the second image")
		}
	})
}

func TestMemoriesKeepAClosedImage(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		first := k.memory(t, plenty(), nil, 3, 3)
		pattern(all(first), 1)
		image := k.imageOf(t, first)
		m := k.memory(t, plenty(), image, 1, 4)
		image.Close()
		image.Close()
		if _, err := New(plenty(), image, 4*pageSize); err == nil {
			t.Error("a memory was made from it")
		}
		for range 2 {
			pattern(grow(t, m, 4), 2)
			if err := m.Reset(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(all(m), all(first)) {
				t.Error("a memory does not show it any more")
			}
		}
		if image.users != 1 {
			t.Errorf("it has %d users", image.users)
		}
		m.Free()
		if image.users != 0 {
			t.Errorf("it still has %d users", image.users)
		}
	})
}

func TestImageHammer(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		first := k.memory(t, plenty(), nil, 2, 2)
		pattern(all(first), 1)
		want := bytes.Clone(all(first))
		b := plenty()
		for range 20 {
			image := k.imageOf(t, first)
			var done sync.WaitGroup
			for i := range 4 {
				done.Go(func() {
					for {
						m, err := New(b, image, 4*pageSize)
						if err != nil {
							return // it is closed
						}
						if i == 0 {
							image.Close()
						}
						content := m.Reallocate(2 * pageSize)
						if !bytes.Equal(content, want) {
							t.Error("a memory does not show the image")
						}
						content[i]++
						if err := m.Reset(); err != nil || !bytes.Equal(content, want) {
							t.Errorf("reset, a memory does not show the image; error %v", err)
						}
						m.Free()
					}
				})
			}
			done.Wait()
			if image.users != 0 {
				t.Fatalf("it still has %d users", image.users)
			}
		}
		if b.Used() != 0 {
			t.Errorf("%d bytes of the budget are used", b.Used())
		}
	})
}
