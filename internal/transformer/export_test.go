package transformer

// FromHalf lets tests see a conversion by itself.
var FromHalf = fromHalf
