package main

import (
	"errors"
	"strconv"

	"phasm/sdk"
)

// unsent is the key of an alert that the webhook has not taken yet. There is
// one of each kind at most, and it goes when its cooldown is over.
func unsent(kind string) string { return "unsent " + kind }

// deliver sends what the webhook has not taken. Where that fails the rest waits
// as well, for the next check. One instance at a time does so: an alert is not
// sent twice.
func deliver() {
	lock := sdk.Lock{Zone: zone, Expiry: sdk.TTL(4 * timeout), Timeout: -1}
	unlock, err := lock.Acquire("delivery")
	if err != nil {
		return
	}
	defer unlock()
	for _, kind := range []string{highErrorRate, slowResponse, highMemoryUsage} {
		message, err := zone.Get(unsent(kind))
		if err == sdk.ErrNotFound {
			continue
		}
		if err == nil {
			err = post(message.String())
		}
		if err != nil {
			sdk.Warn("cannot send alert " + kind + ", it is tried again in " + interval.String() + ": " + err.Error())
			return
		}
		if err := zone.Delete(unsent(kind)); err != nil {
			sdk.Warn("alert " + kind + " was sent, but will be sent again: " + err.Error())
		}
	}
}

// post sends one message. Its errors keep the URL to themselves: who knows it
// can write to the channel.
func post(message string) error {
	r := &sdk.HTTPRequest{Method: "POST", URL: webhook, Body: []byte(message), Timeout: int64(timeout)}
	r.Header.Add("Content-Type", "application/json")
	resp, err := sdk.Fetch(r)
	if err != nil {
		if failed := (*sdk.HTTPError)(nil); errors.As(err, &failed) {
			return failed.Err
		}
		return err
	}
	defer resp.Close()
	if resp.Status >= 300 {
		return errors.New("the webhook answers with status " + strconv.Itoa(resp.Status))
	}
	return nil
}
