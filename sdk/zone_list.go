package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
)

// PushLeft adds a value to the left end of a list (lpush), which it makes where the
// key is missing, and answers its length. It never evicts what has not expired:
// [ErrNoMemory]. What is no list is [ErrNotList].
func (z *Zone) PushLeft(key string, v Value) (int, error) { return z.push(key, abi.ZoneLeft, v) }

// PushRight is [Zone.PushLeft] for the right end (rpush).
func (z *Zone) PushRight(key string, v Value) (int, error) { return z.push(key, abi.ZoneRight, v) }

func (z *Zone) push(key string, end int32, v Value) (int, error) {
	id := z.handle()
	if id < 0 {
		return 0, errnoOf(id)
	}
	return number(imports.ZonePush(id, key, end, encode(v)))
}

// PopLeft takes the value at the left end of a list (lpop). A key that is missing is
// [ErrNotFound]; a list that becomes empty is deleted.
func (z *Zone) PopLeft(key string) (Value, error) { return z.pop(key, abi.ZoneLeft) }

// PopRight is [Zone.PopLeft] for the right end (rpop).
func (z *Zone) PopRight(key string) (Value, error) { return z.pop(key, abi.ZoneRight) }

func (z *Zone) pop(key string, end int32) (Value, error) {
	id := z.handle()
	if id < 0 {
		return Value{}, errnoOf(id)
	}
	dst := scratch
	n := imports.ZonePop(id, key, end, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ZonePop(id, key, end, free(dst))
	}
	b, err := taken(dst, n)
	if err != nil {
		return Value{}, err
	}
	v, _ := valueOf(b)
	keepScratch(b)
	return v, nil
}

// Len is the length of a list (llen), 0 where the key is missing.
func (z *Zone) Len(key string) (int, error) {
	id := z.handle()
	if id < 0 {
		return 0, errnoOf(id)
	}
	return number(imports.ZoneLen(id, key))
}
