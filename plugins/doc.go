// Package plugins loads plugins and runs their phases.
//
// A Plugin is a compiled module with its configuration. It serves exchanges by
// Instances: each has a memory of its own, belongs to one exchange at a time
// and is kept for the next. Load checks everything about a module that can be
// checked before a request arrives, and says what is wrong in terms of the
// plugin, the import or the export.
//
// The host functions that a guest calls are in plugins/host, building from
// source in plugins/source.
package plugins
