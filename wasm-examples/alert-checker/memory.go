package main

import (
	"bufio"
	"errors"
	"strconv"
	"strings"

	"phasm/sdk"
)

const maxPage = 4 << 20 // bytes of the metrics that are read

// residentMemory is how much memory the server has, in bytes, as its own
// metrics say.
func residentMemory() (int64, error) {
	resp, err := sdk.Fetch(&sdk.HTTPRequest{URL: metrics, Timeout: int64(timeout), ResponseLimit: maxPage})
	if err != nil {
		return 0, err
	}
	defer resp.Close()
	lines := bufio.NewScanner(resp)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); found {
			bytes, err := strconv.ParseFloat(value, 64)
			if err != nil || !(bytes >= 0 && bytes < 1e18) {
				return 0, errors.New("it is " + strconv.Quote(value))
			}
			return int64(bytes), nil
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errors.New(metrics + " has no process_resident_memory_bytes: status " + strconv.Itoa(resp.Status))
}
