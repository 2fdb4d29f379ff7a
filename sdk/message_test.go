package sdk_test

import (
	"errors"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestMessages(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	h := sdktest.New(t, nil, sdktest.NewRedis().Grant("cache"), sdktest.NewRedis().Grant("other"))
	var got []string
	sdk.OnMessage(func(m *sdk.Message) error {
		data := m.Data
		if data == large {
			data = "large"
		}
		got = append(got, strings.Join([]string{m.Redis, m.Channel, m.Pattern, data}, ","))
		return nil
	})
	sdk.OnMissed(func() error { got = append(got, "missed"); return nil })
	sdk.Access(func(*sdk.Request) sdk.Action {
		r, err := sdk.OpenRedis("cache")
		fails(t, "open", err, nil)
		for range 2 {
			fails(t, "a channel", r.Subscribe("c"), nil)
		}
		fails(t, "a pattern", r.PSubscribe(`a?b*\*`), nil)
		fails(t, "no name", r.Subscribe(""), sdk.ErrBadArgument)
		fails(t, "a long name", r.PSubscribe(strings.Repeat("x", 1025)), sdk.ErrBadArgument)
		return sdk.Final
	})
	h.Do(sdktest.Request{})
	h.Missed()
	for _, one := range []struct {
		redis, channel, data string
		want                 int
	}{
		{"cache", "c", "1", 1}, {"cache", "cc", "2", 0}, {"other", "c", "3", 0}, {"cache", "a.b*", "4", 1}, {"cache", "a.b and more*", "5", 1},
		{"cache", "a.b", "6", 0}, {"cache", "c", large, 1},
	} {
		equal(t, one.channel+" "+one.data[:1], h.Publish(one.redis, one.channel, one.data), one.want)
	}
	equal(t, "messages", strings.Join(got, " "),
		`missed cache,c,,1 cache,a.b*,a?b*\*,4 cache,a.b and more*,a?b*\*,5 cache,c,,large`)
}

// A plugin that does not care whether it has missed something is not asked.
func TestMissedWithoutHandler(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.OnMessage(func(*sdk.Message) error { return errors.New("it is no message") })
	h.Missed()
}

func TestTwoMessageHandlers(t *testing.T) {
	sdktest.New(t, nil)
	sdk.OnMessage(func(*sdk.Message) error { return nil })
	sdk.OnMissed(func() error { return nil })
	for name, register := range map[string]func(){
		"OnMessage": func() { sdk.OnMessage(nil) },
		"OnMissed":  func() { sdk.OnMissed(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a second %s is taken", name)
				}
			}()
			register()
		}()
	}
}
