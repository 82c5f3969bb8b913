"""Work that several callers may want: shared while it is in flight, cached once it is finished."""
