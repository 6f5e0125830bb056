package app

import (
	"iter"
	"reflect"
)

// A Map is a mapping of the declaration: it is read by key and walked in the order
// the file has. Keys a stage adds come after the others. The zero Map is empty.
type Map[T any] struct {
	keys   []string
	values map[string]T
}

// Get returns the value of key, and whether there is one.
func (m Map[T]) Get(key string) (T, bool) {
	v, ok := m.values[key]
	return v, ok
}

// Len returns the number of entries.
func (m Map[T]) Len() int { return len(m.keys) }

// All walks the entries in order.
func (m Map[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, k := range m.keys {
			if !yield(k, m.values[k]) {
				return
			}
		}
	}
}

// Keys returns the keys in order.
func (m Map[T]) Keys() []string { return append([]string(nil), m.keys...) }

func (m *Map[T]) put(key string, value T) {
	if m.values == nil {
		m.values = make(map[string]T)
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// A mapping is what the walker and the schema need of a Map, whatever its values.
type mapping interface {
	elem() reflect.Type
	putValue(key string, value reflect.Value)
}

func (m *Map[T]) elem() reflect.Type { return reflect.TypeFor[T]() }

func (m *Map[T]) putValue(key string, value reflect.Value) {
	m.put(key, value.Interface().(T))
}
