package main

import (
	"slices"
	"strconv"
	"strings"

	"phasm/sdk"
)

const maxKeys = 1 << 16 // that a zone tells at once

// appendPage appends the counts in Prometheus' text format.
func appendPage(dst []byte) ([]byte, error) {
	keys, err := zone.Keys(maxKeys)
	if err != nil {
		return dst, err
	}
	slices.Sort(keys)

	dst = append(dst, "# HELP http_requests_total Total number of HTTP requests\n# TYPE http_requests_total counter\n"...)
	for _, key := range keys {
		labels, found := strings.CutPrefix(key, requestsPrefix)
		if !found {
			continue
		}
		n, err := number(key)
		if err != nil {
			return dst, err
		}
		method, labels, _ := strings.Cut(labels, " ")
		status, route, _ := strings.Cut(labels, " ")
		dst = append(append(append(dst, `http_requests_total{method="`...), method...), `",status="`...)
		dst = append(append(dst, status...), `",route="`...)
		dst = append(appendEscaped(dst, route), `"} `...)
		dst = append(strconv.AppendInt(dst, n, 10), '\n')
	}

	dst = append(dst, "# HELP http_request_duration_seconds HTTP request duration\n# TYPE http_request_duration_seconds histogram\n"...)
	for _, key := range keys {
		if route, found := strings.CutPrefix(key, timePrefix); found {
			if dst, err = appendHistogram(dst, route); err != nil {
				return dst, err
			}
		}
	}

	begin, err := number(startKey)
	if err != nil {
		return dst, err
	}
	dst = append(dst, "# HELP process_uptime_seconds Process uptime\n# TYPE process_uptime_seconds gauge\nprocess_uptime_seconds "...)
	return append(strconv.AppendInt(dst, max(0, sdk.Now()-begin)/1e9, 10), '\n'), nil
}

// appendHistogram appends a route's histogram. Its buckets count all below
// them, too; the last one is the count, whatever is counted meanwhile.
func appendHistogram(dst []byte, route string) ([]byte, error) {
	const name = "http_request_duration_seconds"
	label := string(append(appendEscaped([]byte(`{route="`), route), '"'))
	total := int64(0)
	for _, b := range buckets {
		n, err := number(bucketPrefix + b.text + " " + route)
		if err != nil {
			return dst, err
		}
		total += n
		dst = append(append(append(dst, name+"_bucket"...), label...), `,le="`...)
		dst = append(append(dst, b.text...), `"} `...)
		dst = append(strconv.AppendInt(dst, total, 10), '\n')
	}
	time, err := number(timePrefix + route)
	if err != nil {
		return dst, err
	}
	dst = append(append(append(dst, name+"_sum"...), label...), "} "...)
	dst = append(strconv.AppendFloat(dst, float64(time)/1e6, 'f', -1, 64), '\n')
	dst = append(append(append(dst, name+"_count"...), label...), "} "...)
	return append(strconv.AppendInt(dst, total, 10), '\n'), nil
}

// number is the number under a key, 0 where it is missing.
func number(key string) (int64, error) {
	n, err := zone.Get(key)
	if err == sdk.ErrNotFound {
		return 0, nil
	}
	return n.Int(), err
}

// appendEscaped appends a label's value.
func appendEscaped(dst []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
