// Command probe is a plugin that does what a request asks it to, phase by
// phase, and leaves a trace of its calls in the context.
//
// The header Do holds instructions "NAME.PHASE:VERB" or "NAME.PHASE:VERB:ARG",
// separated by spaces; NAME is the plugin's in the configuration.
package main

import (
	"io"
	"strconv"
	"strings"

	"phasm/sdk"
)

var (
	name  = sdk.Config("name")
	calls int // of this instance, in all exchanges
	seen  int // of this instance, in this exchange
)

func init() {
	if sdk.Config("fail") == "init" {
		panic("told to fail")
	}
	sdk.Init(func() error { return lifecycle("init") })
	sdk.InitWorker(func() error { return lifecycle("init_worker") })
	sdk.ExitWorker(func() error { return lifecycle("exit_worker") })
	sdk.Rewrite(func(r *sdk.Request) sdk.Action { seen = 0; return do(r, "rewrite") })
	sdk.Access(func(r *sdk.Request) sdk.Action { return do(r, "access") })
	sdk.Content(func(r *sdk.Request) sdk.Action { return do(r, "content") })
	sdk.HeaderFilter(func(r *sdk.Request) {
		r.Response().AddHeader("X-Filtered", name)
		do(r, "header_filter")
	})
	sdk.BodyFilter(bodyFilter)
	sdk.Log(func(r *sdk.Request) { do(r, "log"); sdk.Info("trace " + r.Ctx("trace")) })
}

func main() {}

func lifecycle(phase string) error {
	sdk.Info(name + " in " + phase)
	if sdk.Config("fail") == phase {
		panic("told to fail")
	}
	return nil
}

func bodyFilter(r *sdk.Request, c *sdk.Chunk) {
	do(r, "body_filter")
	switch sdk.Config("filter") {
	case "mark":
		end := "]"
		if c.EOF() {
			end = "!]"
		}
		c.SetString("[" + string(c.Bytes()) + end)
	case "drop":
		c.Drop()
	}
}

func do(r *sdk.Request, phase string) sdk.Action {
	calls++
	seen++
	r.SetCtx("trace", r.Ctx("trace")+name+"."+phase+" ")
	action := sdk.Continue
	for _, instruction := range strings.Fields(r.Header("Do")) {
		parts := strings.SplitN(instruction, ":", 3)
		if parts[0] != name+"."+phase {
			continue
		}
		arg := ""
		if len(parts) == 3 {
			arg = parts[2]
		}
		if a := obey(r, parts[1], arg); a != sdk.Continue {
			action = a
		}
	}
	return action
}

func obey(r *sdk.Request, verb, arg string) sdk.Action {
	w := r.Response()
	number, _ := strconv.Atoi(arg)
	switch verb {
	case "panic":
		panic("told to panic")
	case "exit":
		return r.Exit(number)
	case "redirect":
		return r.Redirect(arg, 307)
	case "exec":
		return r.Exec(arg)
	case "final":
		w.WriteString("final of " + name)
		return sdk.Final
	case "write":
		w.WriteString(arg)
	case "writes": // so many bytes
		w.WriteString(strings.Repeat("x", number))
	case "status":
		w.SetStatus(number)
	case "flush":
		if err := w.Flush(); err != nil {
			sdk.Info("flush: " + err.Error())
		}
	case "sleep": // milliseconds
		if err := sdk.Sleep(int64(number) * 1e6); err != nil {
			sdk.Info("sleep: " + err.Error())
		}
	case "trace":
		w.WriteString(r.Ctx("trace"))
	case "calls":
		w.WriteString(strconv.Itoa(seen) + " of " + strconv.Itoa(calls))
	case "body":
		body, err := io.ReadAll(r.Body())
		w.WriteString(name + " read " + strconv.Itoa(len(body)) + ": " + string(body[:min(len(body), 40)]))
		if err != nil {
			w.WriteString(" and " + err.Error())
		}
	case "setbody":
		r.SetBody([]byte(arg))
	case "seturi":
		r.SetURI(arg)
	case "param":
		w.WriteString(arg + "=" + r.Param(arg))
	case "var":
		w.WriteString(arg + "=" + r.Variable(arg) + "\n")
	case "reqheader": // Name=Value
		key, value, _ := strings.Cut(arg, "=")
		r.SetHeader(key, value)
	case "method":
		r.SetMethod(arg)
	case "header": // Name=Value
		key, value, _ := strings.Cut(arg, "=")
		if err := w.SetHeader(key, value); err != nil {
			sdk.Info("header: " + err.Error())
		}
	}
	return sdk.Continue
}
