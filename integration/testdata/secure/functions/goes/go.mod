module goes

go 1.26
