package main

import (
	"fmt"
	"html"
	"io"
)

// The chart's measures, in pixels.
const (
	chartWidth = 900
	labelWidth = 380
	barHeight  = 9
	rowHeight  = 30
	chartTop   = 64
	ratioWidth = 118 // at the right, with the figure at a bar's end
)

// chartStyle has the page's colours, light or dark, as GitHub does.
const chartStyle = `<style>
.page{fill:#fff;stroke:#d0d7de}.text{fill:#1f2328}.dim{fill:#59636e}.ours{fill:#0969da}.theirs{fill:#afb8c1}
@media (prefers-color-scheme:dark){.page{fill:#0d1117;stroke:#3d444d}.text{fill:#f0f6fc}.dim{fill:#9198a1}.ours{fill:#4493f8}.theirs{fill:#656c76}}
</style>
`

// chart draws what a request costs in CPU time, two bars for each workload: the
// longer one of the two is as long as there is room, whatever its figure.
func (r *results) chart(to io.Writer) {
	var rows []row
	for _, row := range r.Rows {
		if row.Void == "" {
			rows = append(rows, row)
		}
	}
	height := chartTop + rowHeight*len(rows) + 12
	fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13">`+"\n", chartWidth, height)
	fmt.Fprint(to, chartStyle)
	fmt.Fprintf(to, `<rect class="page" x="0.5" y="0.5" width="%d" height="%d" rx="6"/>`+"\n", chartWidth-1, height-1)
	fmt.Fprintln(to, `<text class="text" x="16" y="26" font-size="16" font-weight="600">CPU time of the server for a request, in µs: shorter is better</text>`)
	fmt.Fprintf(to, `<rect class="ours" x="16" y="38" width="10" height="10"/><text class="dim" x="31" y="48">phasm</text><rect class="theirs" x="86" y="38" width="10" height="10"/><text class="dim" x="101" y="48">OpenResty (%s)</text>`+"\n", html.EscapeString(r.OpenResty))
	fmt.Fprintf(to, `<text class="dim" x="%d" y="48" text-anchor="end">%s · geometric mean with plugins in Go: %.2f×</text>`+"\n", chartWidth-16, r.Date, r.mean())
	for i, row := range rows {
		y := chartTop + rowHeight*i
		longest := max(row.Phasm.CPU, row.OpenResty.CPU)
		fmt.Fprintf(to, `<text class="text" x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-10, y+16, html.EscapeString(row.Title))
		for n, bar := range []struct {
			cpu   float64
			class string
		}{{row.Phasm.CPU, "ours"}, {row.OpenResty.CPU, "theirs"}} {
			width := bar.cpu / longest * (chartWidth - labelWidth - ratioWidth)
			top := y + 2 + n*(barHeight+1)
			fmt.Fprintf(to, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="1"/>`, bar.class, labelWidth, top, width, barHeight)
			fmt.Fprintf(to, `<text class="dim" x="%.1f" y="%d" font-size="10">%s</text>`+"\n", labelWidth+width+5, top+barHeight-1, micro(bar.cpu))
		}
		fmt.Fprintf(to, `<text class="text" x="%d" y="%d" text-anchor="end" font-weight="600">%.2f×</text>`+"\n", chartWidth-16, y+16, row.Ratio)
	}
	fmt.Fprintln(to, "</svg>")
}

// micro is a number of µs, with as many digits as it deserves.
func micro(n float64) string {
	if n >= 100 {
		return brief(n)
	}
	return fmt.Sprintf("%.1f", n)
}
