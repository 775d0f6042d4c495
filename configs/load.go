package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads the reference, then the file (none when its name is empty), then
// the environment given as "NAME=value" pairs, and validates the result. Errors
// name the file and line, or the variable.
func Load(file string, environ []string) (*Config, error) {
	c := new(Config)
	if err := decode(Reference, c); err != nil {
		return nil, fmt.Errorf("read reference configuration: %w", err)
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		if err := decode(data, c); err != nil {
			return nil, fmt.Errorf("configuration %s: %w", file, err)
		}
	}
	if err := applyEnv(c, environ); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// decode reads one YAML document over c and refuses unknown keys.
func decode(data []byte, c *Config) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return plainYAMLError(err)
	}
	if err := d.Decode(new(Config)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return nil
}

var unknownField = regexp.MustCompile(`field (\S+) not found in type configs\.\S+`)

// plainYAMLError says "unknown key" where the library speaks of Go types.
func plainYAMLError(err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return err
	}
	lines := make([]string, len(te.Errors))
	for i, e := range te.Errors {
		lines[i] = unknownField.ReplaceAllString(e, "unknown key $1")
	}
	return errors.New(strings.Join(lines, "; "))
}
