package configs

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins every environment variable that overrides a key.
const EnvPrefix = "MEETCAST_"

// otherEnv are variables with the prefix that are not keys of the configuration.
var otherEnv = map[string]bool{
	"MEETCAST_CONFIG":  true, // --config of the commands
	"MEETCAST_URL":     true, // --url of token and loadtest
	"MEETCAST_API_KEY": true, // --api-key of token and loadtest
}

// applyEnv sets every key whose variable is present.
func applyEnv(c *Config, environ []string) error {
	leaves := map[string]reflect.Value{}
	collect(reflect.ValueOf(c).Elem(), EnvPrefix, leaves)
	sorted := append([]string(nil), environ...)
	sort.Strings(sorted) // the first error is the same each time
	for _, kv := range sorted {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || !strings.HasPrefix(name, EnvPrefix) || otherEnv[name] {
			continue
		}
		field, known := leaves[name]
		if !known {
			return fmt.Errorf("environment variable %s: no such key; see reference.yaml for the keys", name)
		}
		if err := set(field, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// collect maps variable names to the leaves of a configuration struct.
func collect(v reflect.Value, prefix string, leaves map[string]reflect.Value) {
	for i := range v.NumField() {
		key := strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		f := v.Field(i)
		if f.Kind() == reflect.Struct {
			collect(f, prefix+key+"_", leaves)
			continue
		}
		leaves[prefix+key] = f
	}
}

// set parses one value as YAML would; lists may be separated by commas.
func set(f reflect.Value, value string) error {
	if f.Kind() == reflect.String {
		f.SetString(value) // also "" and texts that look like YAML
		return nil
	}
	if f.Type() == reflect.TypeFor[[]string]() && !strings.HasPrefix(value, "[") {
		var list []string
		for _, s := range strings.Split(value, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		f.Set(reflect.ValueOf(list))
		return nil
	}
	p := reflect.New(f.Type())
	if err := yaml.Unmarshal([]byte(value), p.Interface()); err != nil {
		return plainYAMLError(err)
	}
	f.Set(p.Elem())
	return nil
}
