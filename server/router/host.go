package router

import (
	"bytes"
	"fmt"
	"strings"
)

// maxHost is the longest host that can match, in bytes: no DNS name is longer
// than 253 and a port adds 6. The limit keeps the lower-cased copy on the stack.
const maxHost = 260

// appendHost appends host as the tree knows it: without its port and its
// trailing dot, in lower case. An IPv6 address keeps its brackets.
func appendHost(dst, host []byte) []byte {
	end := len(host)
	if len(host) > 0 && host[0] == '[' {
		if i := bytes.IndexByte(host, ']'); i >= 0 {
			end = i + 1
		}
	} else if i := bytes.IndexByte(host, ':'); i >= 0 {
		end = i
	}
	for _, c := range bytes.TrimSuffix(host[:end], []byte{'.'}) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// parseHost checks the host of a pattern and returns it as appendHost would.
func parseHost(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	if len(host) > maxHost {
		return "", fmt.Errorf("host is longer than %d bytes", maxHost)
	}
	name, allowed := host, "-._"
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if name, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", fmt.Errorf("host %q must end with ']' and have no port: ports are not compared", host)
		}
		allowed = ".:"
	} else if strings.Contains(host, ":") {
		return "", fmt.Errorf("host %q must have no port: ports are not compared", host)
	}
	for _, c := range name {
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && !strings.ContainsRune(allowed, c) {
			return "", fmt.Errorf("host %q has the character %q, which no host name has", host, c)
		}
	}
	canonical := string(appendHost(nil, []byte(host)))
	if canonical == "" {
		return "", fmt.Errorf("host %q is only a dot", host)
	}
	return canonical, nil
}
