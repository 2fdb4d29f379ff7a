package config

// didYouMean is the end of a message that offers a suggestion, or, without a
// near candidate, the other advice.
func didYouMean(suggestion, otherwise string) string {
	if suggestion != "" {
		return `; did you mean "` + suggestion + `"?`
	}
	if otherwise != "" {
		return "; " + otherwise
	}
	return ""
}
