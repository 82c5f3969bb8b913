"""Work that several callers may want: shared in flight, cached once finished, in other processes where it is long."""
