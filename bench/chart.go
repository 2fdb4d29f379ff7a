package main

import (
	"fmt"
	"html"
	"io"
)

// The chart's measures, in pixels.
const (
	chartWidth = 860
	labelWidth = 300
	barHeight  = 14
	rowHeight  = 44
	chartTop   = 56
)

// chart draws what a request costs in CPU time, two bars for each workload:
// the longer one of the two is as long as there is room, whatever its figure.
func (r *results) chart(to io.Writer) {
	var rows []row
	for _, row := range r.Rows {
		if row.Void == "" {
			rows = append(rows, row)
		}
	}
	height := chartTop + rowHeight*len(rows) + 24
	fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13">`+"\n", chartWidth, height)
	fmt.Fprintf(to, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(to, `<text x="16" y="24" font-size="16" font-weight="bold">CPU time of the server for a request, in µs: less is better</text>`+"\n")
	fmt.Fprintf(to, `<text x="16" y="44" fill="#555"><tspan fill="#1b6ca8">■</tspan> phasm <tspan fill="#9aa5b1">■</tspan> OpenResty (%s) · %s · geometric mean %.2f×</text>`+"\n", html.EscapeString(r.OpenResty), r.Date, r.mean())
	for i, row := range rows {
		y := chartTop + rowHeight*i
		longest := max(row.Phasm.CPU, row.OpenResty.CPU)
		fmt.Fprintf(to, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-12, y+22, html.EscapeString(row.Title))
		for n, bar := range []struct {
			cpu    float64
			colour string
		}{{row.Phasm.CPU, "#1b6ca8"}, {row.OpenResty.CPU, "#9aa5b1"}} {
			width := bar.cpu / longest * (chartWidth - labelWidth - 110)
			fmt.Fprintf(to, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", labelWidth, y+4+n*(barHeight+2), width, barHeight, bar.colour)
			fmt.Fprintf(to, `<text x="%.1f" y="%d" font-size="11">%.1f</text>`+"\n", labelWidth+width+5, y+15+n*(barHeight+2), bar.cpu)
		}
		fmt.Fprintf(to, `<text x="%d" y="%d" text-anchor="end" font-weight="bold">%.2f×</text>`+"\n", chartWidth-12, y+22, row.Ratio)
	}
	fmt.Fprintln(to, "</svg>")
}
