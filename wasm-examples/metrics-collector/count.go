package main

import "strconv"

// The zone's keys. A route's name may have any form, so it stands at the end.
const (
	startKey       = "start"     // when the counts begin, in nanoseconds since 1970
	requestsPrefix = "requests " // METHOD STATUS ROUTE
	bucketPrefix   = "bucket "   // BOUND ROUTE: requests up to the bound that are over the one before
	timePrefix     = "time "     // ROUTE: that requests took together, in microseconds
)

// bucket is one of the histogram's, without those below it.
type bucket struct {
	bound int64  // the longest time that it counts, in nanoseconds
	text  string // the bound in seconds
}

var buckets []bucket // the last one has no bound

func setBuckets(bounds []float64) {
	buckets = buckets[:0]
	for _, b := range bounds {
		buckets = append(buckets, bucket{int64(min(b*1e9, 1<<62)), strconv.FormatFloat(b, 'f', -1, 64)})
	}
	buckets = append(buckets, bucket{1<<63 - 1, "+Inf"})
}

// count counts a request that took that many nanoseconds.
func count(method string, status int, route string, took int64) error {
	took = max(took, 0) // a clock may be set back
	at := 0
	for took > buckets[at].bound {
		at++
	}
	if err := add(1, requestsPrefix, known(method), " ", strconv.Itoa(status), " ", route); err != nil {
		return err
	}
	if err := add(1, bucketPrefix, buckets[at].text, " ", route); err != nil {
		return err
	}
	return add(took/1000, timePrefix, route)
}

// known is a method, or "other" where it is none of HTTP's: clients send what
// they like, and the zone has no room for all of that.
func known(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "other"
}

var (
	keys    = map[string]string{} // the keys that this instance has used: there are few
	scratch []byte
)

// add adds to the number under a key, given in parts.
func add(n int64, parts ...string) error {
	scratch = scratch[:0]
	for _, part := range parts {
		scratch = append(scratch, part...)
	}
	key, found := keys[string(scratch)]
	if !found {
		key = string(scratch)
		keys[key] = key
	}
	_, err := zone.IncrFrom(key, n, 0, 0)
	return err
}
