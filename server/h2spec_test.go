package server

import (
	"net"
	"strconv"
	"testing"
	"time"

	h2specconfig "github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// h2spec holds the server against the RFCs. What it reports is printed by it
// as it goes.
func TestHTTP2Conforms(t *testing.T) {
	s := startTLS(t, `
[routes.a]
match = "/"
respond = {body = "hello, hello, hello, hello"}
`)
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c := &h2specconfig.Config{Host: host, Port: number, Path: "/", Timeout: 2 * time.Second, MaxHeaderLen: 4000, TLS: true, Insecure: true, Strict: true}
	const all, enough = 146, 140
	passed, total := 0, 0
	var failed []*spec.TestCase
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		total += group.PassedCount + group.FailedCount + group.SkippedCount
		passed += group.PassedCount
		failed = append(failed, failures(group)...)
	}
	for _, test := range failed {
		for n := 0; n < 2 && passed < enough && isFailure(test); n++ { // a busy machine is late now and then
			if err := test.Test(c, test.Result.Sequence); err != nil {
				t.Fatal(err)
			}
		}
		if isFailure(test) {
			t.Logf("%s: %s: %v", test.Parent.ID(), test.Desc, test.Result.Error)
		} else {
			passed++
		}
	}
	t.Logf("%d of %d passed", passed, total)
	if total != all || passed < enough {
		t.Errorf("%d of %d passed: %d of %d are to", passed, total, enough, all)
	}
}

// failures are the tests of a group that were not passed.
func failures(g *spec.TestGroup) (found []*spec.TestCase) {
	for _, test := range append(g.Tests, g.StrictTests...) {
		if isFailure(test) {
			found = append(found, test)
		}
	}
	for _, inner := range g.Groups {
		found = append(found, failures(inner)...)
	}
	return found
}

func isFailure(test *spec.TestCase) bool {
	return test.Result != nil && (test.Result.Failed || test.Result.Skipped)
}
