// Package lists divides the rows of a store into lists of such that are near to one another,
// so that an approximate search looks at few of them.
//
// A list is what is nearest to one of some thousand centroids ([Train]). The codes of a store
// lie in the order of the lists, so to look at a list is to read some blocks of them one
// behind the other. How many lists a search has to look at is measured: by questions whose
// exact answers are known ([Measure]), not by rows, which are found more easily than what
// people ask for. One half of the questions chooses, the other half says what came of it.
//
// A [File] holds all this beside a file of codes, and the questions, so that it can be made
// anew when the rows have changed. It knows nothing but vectors.
package lists
