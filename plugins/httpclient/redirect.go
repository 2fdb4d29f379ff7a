package httpclient

import (
	"fmt"
	"net/http"
)

// redirect tells whether a redirect is followed.
func (x *exchange) redirect(next *http.Request, past []*http.Request) error {
	switch r := x.request; {
	case r.Redirects == 0:
		return http.ErrUseLastResponse
	case len(past) > r.Redirects:
		return fmt.Errorf("more than %d redirects", r.Redirects)
	case checkURL(next.URL) != nil || !r.Grants.Allow(next.URL):
		return fmt.Errorf("%w: a redirect to %q", errAddress, next.URL.Host)
	case past[len(past)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
		return fmt.Errorf("%w: a redirect from https to http", errAddress)
	}
	next.Header.Del("Referer") // what a plugin asks for is nobody else's business
	if !sameServer(next, past) {
		for _, name := range credentials {
			next.Header.Del(name)
		}
	}
	return nil
}

// credentials are for the server that a plugin has named. What has been
// elsewhere goes without them even back there.
var credentials = [...]string{"Authorization", "Cookie", "Cookie2", "Www-Authenticate"}

// sameServer tells whether a request goes to the host and port of all before it.
// The standard library looks at hosts only, and takes a name for the same as
// those below it.
func sameServer(next *http.Request, past []*http.Request) bool {
	for _, r := range past {
		if GrantFor(r.URL) != GrantFor(next.URL) {
			return false
		}
	}
	return true
}
