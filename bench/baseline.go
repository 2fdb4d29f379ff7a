package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// tolerated is how much a ratio may fall behind the baseline's.
const tolerated = 0.10

// regressions lists the workloads that have fallen behind earlier results. The
// ratios to OpenResty are compared: they hardly depend on the machine's mood.
func regressions(r *results, file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var before results
	if err := json.Unmarshal(text, &before); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	old := map[string]row{}
	for _, row := range before.Rows {
		old[row.Name] = row
	}
	var worse []string
	for _, row := range r.Rows {
		was, known := old[row.Name]
		switch {
		case !known || was.Void != "":
		case row.Void != "":
			worse = append(worse, fmt.Sprintf("%s is void: %s", row.Name, row.Void))
		case row.Ratio < was.Ratio*(1-tolerated):
			worse = append(worse, fmt.Sprintf("%s: %.2f times OpenResty, it was %.2f", row.Name, row.Ratio, was.Ratio))
		}
	}
	return worse, nil
}
