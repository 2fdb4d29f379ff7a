package host_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCtx(t *testing.T) {
	g := newGuest(t)
	g.want(notFound, "ctx_get", "key")
	g.want(done, "ctx_set", "key", "value")
	g.want(done, "ctx_set", "", "of the empty key")
	g.want(done, "ctx_set", "empty", "")
	g.wantText("value", "ctx_get", "key")
	g.wantText("of the empty key", "ctx_get", "")
	g.wantText("", "ctx_get", "empty")
	g.want(notFound, "ctx_get", "ke")
	g.want(done, "ctx_set", "key", "a longer value")
	g.wantText("a longer value", "ctx_get", "key")
	g.wantText("", "ctx_get", "empty")
	g.want(done, "ctx_remove", "key")
	g.want(done, "ctx_remove", "key")
	g.want(notFound, "ctx_get", "key")
	g.wantText("of the empty key", "ctx_get", "")
	g.call.Exchange.ResetRoute()
	g.wantText("of the empty key", "ctx_get", "")
	g.call.Exchange.Reset()
	g.want(notFound, "ctx_get", "")
}

func TestCtxLimit(t *testing.T) {
	g := newGuest(t)
	half := strings.Repeat("x", 32<<10-1)
	g.want(done, "ctx_set", "a", half)
	g.want(done, "ctx_set", "b", half)
	g.want(noMemory, "ctx_set", "c", "")
	g.want(done, "ctx_set", "", "")
	g.want(noMemory, "ctx_set", "b", half+"x")
	g.wantText(half, "ctx_get", "b")
	g.want(done, "ctx_set", "b", half[1:])
	g.want(done, "ctx_set", "c", "")
	g.want(done, "ctx_remove", "a")
	g.want(done, "ctx_set", "d", half)
	g.want(noMemory, "ctx_set", "e", "")
	g.want(noMemory, "ctx_set", "f", half+half+half)
}

// The context must do what a map does, whatever is done to it in whatever
// order.
func TestCtxIsAMap(t *testing.T) {
	g := newGuest(t)
	random := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	for step := range 5000 {
		key := fmt.Sprint(random.IntN(20))
		switch random.IntN(3) {
		case 0:
			value := strings.Repeat(fmt.Sprint(step), random.IntN(5))
			g.want(done, "ctx_set", key, value)
			model[key] = value
		case 1:
			g.want(done, "ctx_remove", key)
			delete(model, key)
		}
		if value, found := model[key]; found {
			g.wantText(value, "ctx_get", key)
		} else {
			g.want(notFound, "ctx_get", key)
		}
	}
}
