package modelarts

import (
	"net/http"

	"easel/internal/api"
	"easel/internal/catalog"
)

// defaultLimit is the page size of image and group lists.
const defaultLimit = 200

// listImages is operation A.
func (e *edge) listImages(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	f := q.filter(r.PathValue("project_id"))
	f.ServiceType = q.oneOf("service_type", serviceTypes...)
	f.ShowName, f.ShowTag = q.text("show_name"), q.text("show_tag")
	order := q.order()
	limit, offset := q.number("limit", defaultLimit, 1), q.number("offset", 0, 0)
	if q.err != nil {
		return q.err
	}
	images, total, err := e.images.List(r.Context(), f, order, catalog.Page{Limit: int(limit), Offset: int(offset)})
	if err != nil {
		return err
	}
	return ok(w, paged(api.WireAll(images, wireImage), total, limit, offset))
}

// showImage is operation D.
func (e *edge) showImage(w http.ResponseWriter, r *http.Request) error {
	i, err := e.images.Show(r.Context(), r.PathValue("project_id"), r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(w, wireImage(i))
}

// groupPage is the answer of operation C.
type groupPage struct {
	pageOf[group]
	Enterprise bool `json:"is_swr_enterprise"`
}

// listGroups is operation C: one page with everything unless a page is asked for.
func (e *edge) listGroups(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	f := q.filter(r.PathValue("project_id"))
	wholeList := q.text("limit") == "" && q.text("offset") == ""
	limit, offset := q.number("limit", defaultLimit, 1), q.number("offset", 0, 0)
	if q.err != nil {
		return q.err
	}
	p := catalog.Page{Limit: int(limit), Offset: int(offset)}
	if wholeList {
		p = catalog.Page{}
	}
	groups, total, err := e.images.Groups(r.Context(), f, p)
	if err != nil {
		return err
	}
	data := api.WireAll(groups, wireGroup)
	if wholeList {
		n := int64(len(data))
		return ok(w, groupPage{pageOf: pageOf[group]{Current: 1, Data: data, Pages: 1, Size: n, Total: n}})
	}
	return ok(w, groupPage{pageOf: paged(data, total, limit, offset)})
}
