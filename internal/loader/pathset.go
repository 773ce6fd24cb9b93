package loader

import "hash/maphash"

// pathSet is a set of paths that keeps 128 bits of hash for each. Two paths with equal hashes are not expected.
type pathSet struct {
	seeds [2]maphash.Seed
	paths map[[2]uint64]struct{}
}

func newPathSet() pathSet {
	return pathSet{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, map[[2]uint64]struct{}{}}
}

// add adds a path and reports whether it is new.
func (s *pathSet) add(path string) bool {
	hash := [2]uint64{maphash.String(s.seeds[0], path), maphash.String(s.seeds[1], path)}
	_, known := s.paths[hash]
	s.paths[hash] = struct{}{}
	return !known
}
