"""Words that every layer shares: ids, instants, errors, limits. Knows nothing above itself."""
