// Command env is a plugin that cannot start without the environment variable
// TOKEN, and answers it.
package main

import (
	"errors"

	"phasm/sdk"
)

var token string

func init() {
	sdk.Init(func() (err error) {
		if token, err = sdk.Env("TOKEN"); err != nil {
			return errors.New("cannot read TOKEN: " + err.Error())
		}
		return nil
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().WriteString(token)
		return sdk.Final
	})
}

func main() {}
