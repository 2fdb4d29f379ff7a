package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"

	"phasm/sdk"
)

// A lock is a key that only one can set. It holds a token that nobody else
// knows, so that a holder who has been too slow cannot free the lock of the
// next one.
type lock struct {
	redis *sdk.Redis
	key   string
	token string
}

// unlock removes the key if it still holds the token: compare and delete in
// one step.
var unlock = sdk.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end`)

// How long to sleep between two tries, in nanoseconds: twice as long each time.
const (
	firstStep = 1e6
	maxStep   = 500e6
)

var (
	errLocked = errors.New("the lock is taken")
	errLost   = errors.New("the lock had expired")
)

// acquire takes the lock, or waits for it for at most wait nanoseconds. After
// expire seconds it is free, whatever has become of the holder.
func acquire(redis *sdk.Redis, key, expire string, wait int64) (*lock, error) {
	var token [16]byte
	rand.Read(token[:])
	l := &lock{redis, key, hex.EncodeToString(token[:])}
	end := sdk.Now() + wait
	for step := int64(firstStep); ; step = min(2*step, maxStep) {
		reply, err := redis.Do("SET", key, l.token, "NX", "EX", expire)
		if err != nil {
			return nil, err
		}
		if !reply.IsNil() {
			return l, nil
		}
		left := end - sdk.Now()
		if left <= 0 {
			return nil, errLocked
		}
		if err := sdk.Sleep(min(step, left)); err != nil {
			return nil, err
		}
	}
}

// release frees the lock.
func (l *lock) release() error {
	reply, err := unlock.Run(l.redis, []string{l.key}, l.token)
	if err == nil && reply.Int() == 0 {
		err = errLost
	}
	return err
}
