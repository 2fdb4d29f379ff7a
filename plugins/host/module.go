package host

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// Instantiate makes the host functions importable in a runtime.
func Instantiate(ctx context.Context, r wazero.Runtime) error {
	module := r.NewHostModuleBuilder(abi.Module)
	for i := range table {
		f := &table[i]
		params, results := f.types()
		module.NewFunctionBuilder().WithGoModuleFunction(f, params, results).Export(f.Name)
	}
	if _, err := module.Instantiate(ctx); err != nil {
		return fmt.Errorf("cannot set up the host functions: %w", err)
	}
	if err := instantiateRefill(ctx, r); err != nil {
		return fmt.Errorf("cannot set up metering: %w", err)
	}
	return nil
}

// Find is the host function of that name, or nil.
func Find(name string) *Function {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}

// Signature is the function's type in the module, in the names of the text
// format: "i32", "i64".
func (f *Function) Signature() (params, results []string) {
	p, r := f.types()
	return typeNames(p), typeNames(r)
}

// HasType tells whether an import declared with these types fits.
func (f *Function) HasType(params, results []api.ValueType) bool {
	p, r := f.types()
	return string(p) == string(params) && string(r) == string(results)
}

func (f *Function) types() (params, results []api.ValueType) {
	for _, p := range f.Params {
		switch p.Kind {
		case Text, List, Buffer:
			params = append(params, api.ValueTypeI32, api.ValueTypeI32)
		case Int32:
			params = append(params, api.ValueTypeI32)
		default:
			params = append(params, api.ValueTypeI64)
		}
	}
	if f.Result == Nanoseconds {
		return params, []api.ValueType{api.ValueTypeI64}
	}
	return params, []api.ValueType{api.ValueTypeI32}
}

func typeNames(types []api.ValueType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = api.ValueTypeName(t)
	}
	return names
}
