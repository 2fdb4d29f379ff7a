// Package main is the guest by which metering's cost is measured in stock Go:
// each export is one kind of work, at the size of a busy request, and answers
// a checksum. guest.c beside it does the same in C.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"hash/crc32"
	"slices"
	"strings"
)

func main() {}

var (
	page    = text(256 << 10)
	numbers = shuffled(2048)
	orders  = list(200)
)

//go:wasmexport hash
func hash() uint32 {
	h := uint64(14695981039346656037)
	for i := range uint64(400_000) {
		h = (h ^ i&0xff) * 1099511628211
	}
	return uint32(h)
}

//go:wasmexport scan
func scan() uint32 {
	var lines uint32
	for _, c := range page {
		if c == '\n' {
			lines++
		}
	}
	return lines
}

//go:wasmexport sort
func sort() uint32 {
	sorted := slices.Clone(numbers)
	slices.Sort(sorted)
	return sorted[len(sorted)/3]
}

//go:wasmexport replace
func replace() uint32 {
	replaced := strings.ReplaceAll(string(page[:64<<10]), "upstream", "server")
	return uint32(len(replaced))
}

//go:wasmexport json_encode
func jsonEncode() uint32 {
	encoded, err := json.Marshal(orders)
	if err != nil {
		panic(err)
	}
	return crc32.ChecksumIEEE(encoded)
}

//go:wasmexport sha256
func sha() uint32 {
	sum := sha256.Sum256(page[:32<<10])
	return uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
}

// text is n bytes of lines as in a configuration.
func text(n int) []byte {
	line := []byte("location /api/v1 { proxy_pass http://upstream; proxy_set_header Host $host; }\n")
	return bytes.Repeat(line, n/len(line)+1)[:n]
}

// shuffled are n numbers in an order that only looks random.
func shuffled(n int) []uint32 {
	all := make([]uint32, n)
	x := uint32(1)
	for i := range all {
		x = x*1664525 + 1013904223
		all[i] = x
	}
	return all
}

type order struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Paid   bool     `json:"paid"`
	Labels []string `json:"labels"`
}

func list(n int) []order {
	all := make([]order, n)
	for i := range all {
		all[i] = order{1000 + i, "A \"quoted\" name", i%2 == 0, []string{"new", "express"}}
	}
	return all
}
