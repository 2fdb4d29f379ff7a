package sdk

// CountLimit allows a number of requests in each window of time
// (resty.limit.count). A window begins with a key's first request.
//
// Limits are kept in a zone, so they hold for all instances of a plugin and
// survive reloads. They let no request more through than they are told to. Where
// the zone is full, the counts that were not used for longest are forgotten:
// give it 80 bytes for each client, and some more for long keys.
type CountLimit struct {
	Zone   *Zone
	Limit  int // requests in a window
	Window TTL
}

// Count is what [CountLimit.Take] answers.
type Count struct {
	OK        bool // the request is within the limit
	Remaining int  // how many more are
	Reset     TTL  // when the window ends, from now
}

// Take counts a request under a key, such as the client's address. Being over
// the limit is no error: see [Count]. Errors are those of the zone.
func (l *CountLimit) Take(key string) (Count, error) {
	n, err := l.Zone.IncrFrom(key, 1, 0, l.Window)
	if err != nil {
		return Count{}, err
	}
	c := Count{OK: n <= int64(l.Limit), Remaining: int(max(0, int64(l.Limit)-n)), Reset: l.Window}
	if n > 1 {
		if left, err := l.Zone.TTL(key); err == nil {
			c.Reset = left
		} // else the window has ended just now
	}
	return c, nil
}

// RateLimit is a leaky bucket (resty.limit.req): requests run out of it at Rate
// a second, and Burst of them may wait in it. It is kept as a [CountLimit] is.
type RateLimit struct {
	Zone  *Zone
	Rate  float64 // requests a second
	Burst int     // requests that may come early
}

// Take counts a request under a key. It answers how long the request has to
// wait so that requests keep to the rate, in nanoseconds for [Sleep], and how
// many requests it is early. One that finds the bucket full is not counted: it
// is [ErrBusy].
func (l *RateLimit) Take(key string) (delay int64, excess float64, err error) {
	const slowest = 1e-6 // a request in eleven days
	if !(l.Rate >= slowest) {
		return 0, 0, ErrBadArgument
	}
	// What stands in the zone is when the bucket runs dry, in nanoseconds since
	// 1970: one number says both how full it is and since when.
	each := max(1, int64(1e9/l.Rate))
	for range maxAttempts {
		now := Now()
		old, err := l.Zone.Get(key)
		dry := now
		switch {
		case err == nil:
			dry = max(now, old.Int())
		case err != ErrNotFound:
			return 0, 0, err
		}
		wait := dry - now
		excess := float64(wait) / float64(each)
		if excess > float64(l.Burst) {
			return 0, excess, ErrBusy
		}
		full := dry + each
		switch err = l.Zone.CompareAndSwap(key, old, Int(full), TTL(full-now)); err {
		case nil:
			return wait, excess, nil
		case ErrExists, ErrNotFound: // another request was faster
		default:
			return 0, 0, err
		}
	}
	return 0, 0, ErrBusy
}

// maxAttempts bounds how often an instance tries anew because others were
// faster. One of them gets on each time.
const maxAttempts = 1000

// ConnLimit allows a number of requests at once (resty.limit.conn). What ends, in
// whichever way, is off the count: there is nothing to call at the end.
type ConnLimit struct {
	Zone *Zone
	Max  int // requests that run without delay
	// Burst more requests may run, each Max of them delayed by Delay more.
	Burst int
	Delay TTL
}

// Take counts the exchange under a key until it ends, and answers how long it
// has to wait, in nanoseconds for [Sleep]. More than Max and Burst are
// [ErrBusy]. Errors and phases are those of [Zone.Hold].
func (l *ConnLimit) Take(key string) (delay int64, err error) {
	n, err := l.Zone.Hold(key, l.Max+l.Burst)
	if err != nil || n <= l.Max || l.Max <= 0 {
		return 0, err
	}
	return int64((n-1)/l.Max) * int64(l.Delay), nil
}
