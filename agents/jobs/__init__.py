"""Work that several callers may want: joined while it is in flight, kept where it is finished."""
