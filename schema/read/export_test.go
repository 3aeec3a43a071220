package read

import "context"

// LoadUncompiled loads packages from an absolute directory in the quick way, or says why it does not.
func LoadUncompiled(ctx context.Context, cfg Config) ([]*Result, error) {
	pkgs, imports, err := uncompiled(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newResults(pkgs, cfg.Dir, imports), nil
}

// LoadCompiled loads packages from an absolute directory in the way that copes with everything.
func LoadCompiled(ctx context.Context, cfg Config) ([]*Result, error) {
	pkgs, imports, err := compiled(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newResults(pkgs, cfg.Dir, imports), nil
}
