// Package engine is what every engine behind the verbs speaks: the values that go
// into a store and come out of it, the options of a search, and the errors that
// callers tell apart. It knows no engine and no database.
//
// It also has what does not depend on how vectors are kept: relevance, thresholds
// and maximal marginal relevance are functions of scores and vectors.
package engine
