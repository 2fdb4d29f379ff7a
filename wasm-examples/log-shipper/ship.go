package main

import (
	"errors"
	"strconv"
	"time"

	"phasm/sdk"
)

const (
	fullBatch  = 48 << 10         // bytes with which a batch is sent
	maxRun     = 10 * time.Second // that a run goes on
	maxBatches = 100              // in a run: taking lines out costs CPU time, too
)

// batch has the lines that are being sent.
type batch struct {
	lines []sdk.Value
	text  []byte
}

// ship sends what has gathered, batch by batch. What the collector does not
// take now goes back, and is sent with the next run. The last run, before the
// plugin ends, is the same.
func ship(*sdk.Timer) error {
	begin := sdk.Now()
	for range maxBatches {
		b, err := take()
		if err != nil {
			sdk.Warn("cannot read the lines: " + err.Error())
		}
		if len(b.lines) == 0 {
			return nil
		}
		status, err := b.post()
		if err == nil && status >= 300 && !refused(status) {
			err = errors.New("the collector answers with status " + strconv.Itoa(status))
		}
		if err != nil {
			b.putBack()
			sdk.Warn("cannot send lines, they are sent again later: " + err.Error())
			return nil
		}
		if refused(status) {
			sdk.Warn("the collector refuses " + strconv.Itoa(len(b.lines)) + " lines with status " + strconv.Itoa(status) + ": they are dropped")
			dropped.With().Add(float64(len(b.lines)))
		}
		if time.Duration(sdk.Now()-begin) > maxRun {
			return nil
		}
	}
	return nil
}

// take takes a batch out of the zone. It may have lines with an error, too.
func take() (b batch, err error) {
	for len(b.text) < fullBatch {
		next, err := zone.PopLeft(key)
		if err == sdk.ErrNotFound {
			break
		}
		if err != nil {
			return b, err
		}
		b.lines = append(b.lines, next)
		b.text = append(append(b.text, next.String()...), '\n')
	}
	return b, nil
}

// putBack puts a batch back where it was taken. Where others have come
// meanwhile there may be no room.
func (b *batch) putBack() {
	for i := len(b.lines) - 1; i >= 0; i-- {
		if _, err := zone.PushLeft(key, b.lines[i]); err != nil {
			dropped.With().Inc()
		}
	}
}

// refused tells whether it is no use to send the same lines again.
func refused(status int) bool {
	return status >= 400 && status < 500 && status != 408 && status != 429
}

// post sends a batch and waits for the answer.
func (b *batch) post() (status int, err error) {
	r := &sdk.HTTPRequest{Method: "POST", URL: collector, Body: b.text, Timeout: int64(timeout)}
	r.Header.Add("Content-Type", "application/x-ndjson")
	resp, err := sdk.Fetch(r)
	if err != nil {
		return 0, err
	}
	return resp.Status, resp.Close()
}
