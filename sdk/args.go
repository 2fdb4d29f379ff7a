package sdk

import "strings"

// Arg is an argument of a query or a form.
type Arg struct{ Name, Value string }

// Args are the arguments of a query or a form, decoded, in the order in which
// they were sent, repeated ones included.
type Args []Arg

// Get is the value of the first argument of that name, empty where there is
// none.
func (a Args) Get(name string) string {
	for i := range a {
		if a[i].Name == name {
			return a[i].Value
		}
	}
	return ""
}

// Has tells whether there is an argument of that name.
func (a Args) Has(name string) bool {
	for i := range a {
		if a[i].Name == name {
			return true
		}
	}
	return false
}

// Values are the values of all arguments of that name.
func (a Args) Values(name string) []string {
	var values []string
	for i := range a {
		if a[i].Name == name {
			values = append(values, a[i].Value)
		}
	}
	return values
}

// ParseArgs decodes what a query or a form of the type
// application/x-www-form-urlencoded has (ngx.decode_args), as [Request.Query]
// does: "a=x+y&b&a=%32" is a = "x y", b = "" and a = "2". Nothing is malformed:
// what is no escape stays as it is, and bytes need not be UTF-8.
//
// Where there are more than max arguments it answers the first max of them and
// [ErrNoMemory], so that a caller who looks for something knows that there is
// more; max less than 0 is no limit.
func ParseArgs[T string | []byte](encoded T, max int) (Args, error) {
	var args Args
	decoded := make([]byte, 0, len(encoded)) // of all arguments; it never grows, so they can stand in it
	item := func(from, to int) string {
		start := len(decoded)
		decoded = AppendUnescaped(decoded, encoded[from:to])
		return stringOf(decoded[start:])
	}
	for begin := 0; begin < len(encoded); {
		end, equals := begin, -1
		for ; end < len(encoded) && encoded[end] != '&'; end++ {
			if encoded[end] == '=' && equals < 0 {
				equals = end
			}
		}
		switch {
		case end == begin, end == begin+1 && equals == begin: // neither a name nor a value
		case len(args) == max:
			return args, ErrNoMemory
		case equals < 0:
			args = append(args, Arg{Name: item(begin, end)})
		default:
			args = append(args, Arg{item(begin, equals), item(equals+1, end)})
		}
		begin = end + 1
	}
	return args, nil
}

// AppendUnescaped appends what is percent-encoded in s, decoded, to dst
// (ngx.unescape_uri): a plus is a blank, "%41" an A, and what is no escape stays
// as it is. It is never longer than s, and dst may be s[:0].
func AppendUnescaped[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			c = byte(hex(s[i+1])<<4 | hex(s[i+2]))
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

// hex is the value of a hexadecimal digit, negative where c is none.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// QueryArgs are the query's arguments (ngx.req.get_uri_args), with max as in
// [ParseArgs].
func (r *Request) QueryArgs(max int) (Args, error) {
	list, err := r.AppendQueries(scratch)
	if err != nil {
		return nil, err
	}
	var args Args
	for name, value := range pairs(text(list, nil)) {
		if len(args) == max {
			return args, ErrNoMemory
		}
		args = append(args, Arg{name, value})
	}
	return args, nil
}

// IsForm tells whether the request says that its body is a form that
// [ParseArgs] reads, by its Content-Type.
func (r *Request) IsForm() bool {
	mediaType, _, _ := strings.Cut(r.Header("Content-Type"), ";")
	return equalFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded")
}

// FormArgs are the arguments of a body that is a form (ngx.req.get_post_args),
// with max as in [ParseArgs]; a body of another type has none. It reads what is
// left of the body: longer than limit bytes that is [ErrNoMemory] and no
// arguments. Phases: rewrite, access, content.
func (r *Request) FormArgs(limit, max int) (Args, error) {
	if !r.IsForm() {
		return nil, nil
	}
	body, err := r.BodyBytes(limit)
	if err != nil {
		return nil, err
	}
	return ParseArgs(body, max)
}
