// Command messages is a plugin that logs what is published in Redis. Some
// messages have it fail, and requests have it publish.
package main

import (
	"errors"

	"phasm/sdk"
)

func init() {
	sdk.InitWorker(func() error {
		r, err := sdk.OpenRedis("bus")
		if err != nil {
			return err
		}
		if err := r.Subscribe("app:news"); err != nil {
			return err
		}
		if err := r.Subscribe("news"); err != sdk.ErrNotGranted {
			return errors.New("a channel without the prefix is granted")
		}
		return r.PSubscribe("app:p*")
	})
	sdk.OnMissed(func() error {
		sdk.Info("missed: " + sdk.Config("name"))
		return nil
	})
	sdk.OnMessage(func(m *sdk.Message) error {
		sdk.Info(sdk.Config("name") + " has " + m.Redis + " " + m.Channel + " " + m.Pattern + " " + m.Data)
		switch m.Data {
		case "panic":
			panic("asked to")
		case "error":
			return errors.New("asked to")
		case "loop":
			for {
			}
		}
		return nil
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		redis, err := sdk.OpenRedis("bus")
		if err != nil {
			return r.Exit(500)
		}
		if r.Path() == "/up" {
			r.Response().WriteString("up")
			return sdk.Final
		}
		reply, err := redis.Do("BLPOP", "app:list", "0")
		if err != nil {
			r.Response().WriteString(err.Error())
			return sdk.Final
		}
		r.Response().WriteString(reply.Strings()[1])
		return sdk.Final
	})
}

func main() {}
