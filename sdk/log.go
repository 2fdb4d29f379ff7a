package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
)

// Level is the severity of a log line.
type Level = abi.Level

// Levels, the least severe first.
const (
	LevelDebug = abi.Debug
	LevelInfo  = abi.Info
	LevelWarn  = abi.Warn
	LevelError = abi.Error
)

// Debug writes a line to the server's log (ngx.log) that helps to find a fault.
// The server adds the plugin, the phase and the request's identifier, and cuts a
// line off at 8 KiB; here and below.
func Debug(message string) { imports.Log(int32(LevelDebug), message) }

// Info writes a line about what happens in normal operation.
func Info(message string) { imports.Log(int32(LevelInfo), message) }

// Warn writes a line about what should not happen but hurts nobody.
func Warn(message string) { imports.Log(int32(LevelWarn), message) }

// Error writes a line about what failed.
func Error(message string) { imports.Log(int32(LevelError), message) }

// LogBytes writes a line of any level that is put together in a buffer of the
// caller's.
func LogBytes(level Level, message []byte) { imports.Log(int32(level), stringOf(message)) }
