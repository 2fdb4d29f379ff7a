package plugins

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/host"
	"phasm/plugins/meter"
	"phasm/plugins/suggest"
	"phasm/sdk/abi"
)

// check finds everything in the module's imports and exports that would keep
// it from running, missing grants included, and reports all of it at once.
func (p *Plugin) check() error {
	var problems []error
	for _, f := range p.code.module.ImportedFunctions() {
		if err := p.checkImport(f); err != nil {
			problems = append(problems, err)
		}
	}
	for _, m := range p.code.module.ImportedMemories() {
		from, name, _ := m.Import()
		problems = append(problems, fmt.Errorf("it imports a memory, %s.%s: a plugin brings its own and exports it as %q", from, name, abi.ExportMemory))
	}
	if err := errors.Join(append(problems, p.checkExports()...)...); err != nil {
		return err
	}
	p.warnOfGrants()
	return nil
}

// warnOfGrants logs what the plugin has been given and cannot use: the grant
// is one too many, or the module is not the one that was meant.
func (p *Plugin) warnOfGrants() {
	for grant := range host.NumGrants {
		uses := func(f api.FunctionDefinition) bool {
			module, name, _ := f.Import()
			return module == abi.Module && host.Find(name).Grant == grant
		}
		if grant != host.NoGrant && p.options.Grants.Has(grant) && !slices.ContainsFunc(p.code.module.ImportedFunctions(), uses) {
			p.options.Log.Warn(fmt.Sprintf("the plugin does not use what it is granted: remove %s from [plugins.%s.grants]",
				grant, p.options.Name), "plugin", p.options.Name)
		}
	}
}

func (p *Plugin) checkImport(f api.FunctionDefinition) error {
	module, name, _ := f.Import()
	switch module {
	case meter.RefillModule: // what metering has added: no guest can import from there
		return nil
	case abi.Module:
		known := host.Find(name)
		if known == nil {
			return fmt.Errorf("it imports phasm.%s, which does not exist: see sdk/ABI.md%s", name, didYouMean(name, hostNames()))
		}
		if !known.HasType(f.ParamTypes(), f.ResultTypes()) {
			params, results := known.Signature()
			return fmt.Errorf("it imports phasm.%s as %s, but it is (%s) → (%s): see sdk/ABI.md",
				name, typeOf(f), strings.Join(params, ", "), strings.Join(results, ", "))
		}
		if !p.options.Grants.Has(known.Grant) {
			return fmt.Errorf(`it uses %s, which needs a grant: add %s = ["NAME"] under [plugins.%s.grants]`,
				name, known.Grant, p.options.Name)
		}
		return nil
	case wasiModule:
		known := p.code.runtime.Module(wasiModule).ExportedFunctionDefinitions()[name]
		if known == nil {
			return fmt.Errorf("it imports %s.%s, which does not exist", module, name)
		}
		if typeOf(f) != typeOf(known) {
			return fmt.Errorf("it imports %s.%s as %s, but it is %s", module, name, typeOf(f), typeOf(known))
		}
		return nil
	case "gojs", "go":
		return fmt.Errorf("it imports %s.%s: it was built for JavaScript; build with GOOS=wasip1, not GOOS=js", module, name)
	default:
		return fmt.Errorf("it imports %s.%s, but a plugin may import from %s and %s only", module, name, abi.Module, wasiModule)
	}
}

func (p *Plugin) checkExports() (problems []error) {
	most := p.options.Memory / pageSize
	switch memory := p.code.module.ExportedMemories()[abi.ExportMemory]; {
	case memory == nil:
		problems = append(problems, fmt.Errorf("it exports no memory named %q", abi.ExportMemory))
	case int64(memory.Min()) > most:
		problems = append(problems, fmt.Errorf("its memory begins with %d pages of 64 KiB, its limit is %d (memory in [plugins.%s.limits])",
			memory.Min(), most, p.options.Name))
	}
	exports := p.code.module.ExportedFunctions()
	phaseExports := 0
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		want := "() → (i32)"
		switch {
		case strings.HasPrefix(name, "on_"):
			if !slices.Contains(phaseNames(), name) {
				problems = append(problems, fmt.Errorf("it exports %s, which is no phase: the phases are %s%s",
					name, strings.Join(phaseNames(), ", "), didYouMean(name, phaseNames())))
				continue
			}
			phaseExports++
		case name == abi.ExportVersion, name == abi.ExportPhases:
		case name == abi.ExportInit:
			want = "() → ()"
		default:
			continue
		}
		if got := typeOf(exports[name]); got != want {
			problems = append(problems, fmt.Errorf("its export %s is %s, but must be %s", name, got, want))
		}
	}
	if phaseExports == 0 {
		problems = append(problems, noPhase(exports["_start"] != nil))
	}
	return problems
}

func noPhase(command bool) error {
	if command {
		return errors.New("it is a command (it exports _start and no phase): build a Go plugin with -buildmode=c-shared, or by phasm build")
	}
	return fmt.Errorf("it exports no phase: a plugin exports at least one of %s", strings.Join(phaseNames(), ", "))
}

// typeOf is a function's type in the text format's names.
func typeOf(f api.FunctionDefinition) string {
	names := func(types []api.ValueType) string {
		var s []string
		for _, t := range types {
			s = append(s, api.ValueTypeName(t))
		}
		return "(" + strings.Join(s, ", ") + ")"
	}
	return names(f.ParamTypes()) + " → " + names(f.ResultTypes())
}

func phaseNames() []string {
	names := make([]string, abi.NumPhases)
	for p := range abi.NumPhases {
		names[p] = p.Export()
	}
	return names
}

func hostNames() []string {
	var names []string
	for _, f := range host.Functions() {
		names = append(names, f.Name)
	}
	return names
}

// didYouMean is a hint at the candidate that is nearest to a misspelt name,
// or nothing where none is near.
func didYouMean(name string, candidates []string) string {
	if near := suggest.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}
